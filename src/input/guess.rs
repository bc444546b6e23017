//! Which column of a file may be which of ours, by name and type: for a first job file, to be read and corrected.

use arrow::datatypes::Schema;

use super::{
    contract::{Class, Column, Table},
    table_input::{conversion, fits},
};

/// What a column of ours may be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Our name.
    pub ours: &'static str,
    /// The file's column.
    pub theirs: String,
    /// The SQL that makes it what we need, where its type does not fit.
    pub expr: Option<String>,
    /// Further columns of the file whose names fit as well.
    pub others: Vec<String>,
}

/// Names, most telling first, as they are common in shops; compared without case, blanks and signs.
const NAMES: &[(&str, &str)] = &[
    (
        "member_id",
        "member_id member member_no customer_id customer cust_id user_id user buyer_id buyer client_id household_id \
         household_key open_id union_id 会员id 会员编号 会员号 用户id 客户id 客户编号 买家id 买家昵称",
    ),
    (
        "ts",
        "ts timestamp order_time order_ts order_date paid_at pay_time payment_time invoice_date purchase_time \
         purchase_date purchased_at transaction_time transaction_timestamp transaction_date trans_date created_at \
         event_time datetime time date day 付款时间 支付时间 下单时间 订单时间 交易时间 购买时间 创建时间 日期",
    ),
    ("basket_index", "basket_index basket_number visit_number"),
    (
        "item_id",
        "item_id item product_id product sku sku_id stock_code article_id article goods_id spu_id asin upc ean \
         商品id 商品编号 商品编码 货号 sku编码",
    ),
    (
        "order_id",
        "order_id order order_no order_number invoice_no invoice_id invoice basket_id transaction_id trans_id receipt_id \
         receipt_no receipt ticket_id tid 订单号 订单编号 订单id 小票号",
    ),
    ("quantity", "quantity qty units unit_count pieces item_count 数量 件数 购买数量"),
    ("unit_price", "unit_price price item_price sale_price selling_price 单价 价格 成交单价"),
    (
        "amount",
        "amount line_amount line_total sales_value sales_amount total_amount total_price net_amount paid_amount \
         payment revenue sales spend total value 实付金额 成交金额 金额 销售额 实付",
    ),
    ("discount", "discount discount_amount disc retail_disc markdown coupon_amount 优惠金额 折扣金额 优惠 折扣"),
    ("channel", "channel sales_channel platform source 渠道 平台 来源"),
    ("store", "store_id store shop_id shop branch_id branch outlet_id outlet 门店id 门店编号 门店 店铺"),
    ("city", "city city_name 城市"),
    ("is_return", "is_return is_refund returned refunded return_flag 是否退货 是否退款"),
    (
        "name",
        "name item_name product_name title product_title description product_description product_type 商品名称 名称 标题",
    ),
    (
        "category",
        "category category_path category_name product_category category_id class department root_category_id commodity \
         类目 品类 分类 商品分类",
    ),
    ("brand", "brand brand_name manufacturer 品牌"),
    ("collection", "collection series 系列"),
    ("parent", "parent parent_id spu spu_id style_id"),
    ("price", "price list_price retail_price 价格 标价 吊牌价"),
    ("price_tier", "price_tier"),
    ("launch_date", "launch_date launched_at release_date 上市日期 上架时间"),
    ("stock", "stock inventory stock_quantity 库存"),
    ("fits", "fits compatible_with 适配"),
    ("consumable_days", "consumable_days days_of_supply"),
    ("warranty_days", "warranty_days 保修天数"),
    ("group_size", "group_size 成团人数"),
    ("denied", "denied sensitive"),
    ("birth_date", "birth_date birthday birthdate date_of_birth dob 生日 出生日期"),
    ("lunar_birthday", "lunar_birthday is_lunar 农历生日"),
    ("city_tier", "city_tier 城市等级"),
    ("joined", "joined join_date joined_at registered_at register_time signup_date 注册时间 入会时间"),
    ("loyalty_tier", "loyalty_tier tier member_level member_tier level 会员等级 等级"),
    ("points", "points point_balance points_balance 积分"),
    ("points_expire", "points_expire points_expire_at points_expiry 积分到期日"),
    ("channel_opt_in", "channel_opt_in opt_in_channels"),
    ("preferred_channel", "preferred_channel 偏好渠道"),
];

/// What each column of `table` may be in a file with this schema. A column of the file is taken once.
#[must_use]
pub fn guess_columns(table: Table, schema: &Schema) -> Vec<Guess> {
    let mut taken: Vec<&str> = Vec::new();
    let mut guesses = Vec::new();
    for column in table.columns() {
        let mut found: Vec<&str> = candidates(column, schema).filter(|name| !taken.contains(name)).collect();
        if found.is_empty() {
            continue;
        }
        let theirs = found.remove(0);
        taken.push(theirs);
        let field = schema.field_with_name(theirs).ok();
        let expr = field
            .filter(|f| !fits(column.class, f.data_type()))
            .and_then(|f| conversion(column.class, f.data_type(), &quoted(theirs)));
        let others = found.into_iter().map(str::to_owned).collect();
        guesses.push(Guess { ours: column.name, theirs: theirs.to_owned(), expr, others });
    }
    guesses
}

/// The file's columns whose names fit one of ours and whose types fit or can be converted, most telling name first.
fn candidates<'a>(column: &Column, schema: &'a Schema) -> impl Iterator<Item = &'a str> {
    let names = NAMES.iter().find(|(ours, _)| *ours == column.name).map_or(column.name, |(_, names)| names);
    let wanted: Vec<String> = names.split_whitespace().map(plain).collect();
    let class = column.class;
    wanted.into_iter().flat_map(move |name| {
        schema
            .fields()
            .iter()
            .filter(move |f| plain(f.name()) == name && usable(class, f.data_type()))
            .map(|f| f.name().as_str())
            .collect::<Vec<_>>()
    })
}

fn usable(class: Class, data_type: &arrow::datatypes::DataType) -> bool {
    let is_text = fits(Class::Text, data_type) && !data_type.is_integer();
    match class {
        // Texts may hold times and amounts; a number is no time that can be guessed.
        Class::Time | Class::Day | Class::Integer | Class::Decimal | Class::Money => fits(class, data_type) || is_text,
        _ => fits(class, data_type),
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A column's name in SQL: case counts only in quotes.
#[must_use]
pub fn quoted(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    if bare { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, TimeUnit};

    use super::*;

    fn schema(fields: &[(&str, DataType)]) -> Schema {
        Schema::new(fields.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect::<Vec<_>>())
    }

    #[test]
    fn common_names_are_known() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let found = guess_columns(
            Table::Transactions,
            &schema(&[
                ("CustomerID", DataType::Int64),
                ("InvoiceDate", time.clone()),
                ("InvoiceNo", DataType::Utf8),
                ("StockCode", DataType::Utf8),
                ("Quantity", DataType::Int64),
                ("UnitPrice", DataType::Float64),
                ("Country", DataType::Utf8),
                ("created_at", time),
            ]),
        );
        let pairs: Vec<(&str, &str)> = found.iter().map(|g| (g.ours, g.theirs.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("member_id", "CustomerID"),
                ("ts", "InvoiceDate"),
                ("item_id", "StockCode"),
                ("order_id", "InvoiceNo"),
                ("quantity", "Quantity"),
                ("unit_price", "UnitPrice"),
            ]
        );
        assert_eq!(found[1].others, ["created_at"]);
    }

    #[test]
    fn texts_are_converted_and_wrong_types_left() {
        let found = guess_columns(
            Table::Transactions,
            &schema(&[
                ("会员编号", DataType::Utf8),
                ("付款时间", DataType::Utf8),
                ("金额", DataType::Utf8),
                ("渠道", DataType::Float64),
            ]),
        );
        let pairs: Vec<(&str, Option<&str>)> = found.iter().map(|g| (g.ours, g.expr.as_deref())).collect();
        assert_eq!(pairs[0], ("member_id", None));
        assert_eq!(pairs[1], ("ts", Some("to_timestamp(\"付款时间\")")));
        assert_eq!(pairs[2].0, "amount");
        assert!(pairs[2].1.is_some_and(|sql| sql.contains("decimal")));
        assert_eq!(pairs.len(), 3);
    }

    #[test]
    fn one_column_is_one_thing() {
        let found =
            guess_columns(Table::Transactions, &schema(&[("member_id", DataType::Utf8), ("price", DataType::Float64)]));
        assert_eq!(found.iter().filter(|g| g.theirs == "price").count(), 1);
    }

    #[test]
    fn every_name_is_a_column_of_a_table() {
        let known: Vec<&str> = Table::ALL.iter().flat_map(|t| t.columns()).map(|c| c.name).collect();
        for (name, _) in NAMES {
            assert!(known.contains(name), "{name}");
        }
    }
}
