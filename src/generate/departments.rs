//! What the shop sells: departments, their leaf categories and what belongs together. Brands are invented.

/// Departments, in this order everywhere.
pub(super) const DEPARTMENTS: [Department; 8] = [
    Department {
        code: "phone",
        prefix: "PH",
        zh: "数码",
        brands: &["星曜", "澜图", "极光", "青鸾", "拓岳"],
        collections: &["未来系列"],
    },
    Department {
        code: "pet",
        prefix: "PT",
        zh: "宠物",
        brands: &["毛球日记", "爪爪鲜", "喵星厨房", "汪小满", "尾巴森林"],
        collections: &["鲜粮系列"],
    },
    Department {
        code: "baby",
        prefix: "BB",
        zh: "母婴",
        brands: &["小禾苗", "安芽", "云朵宝贝", "初乳岛", "咿呀"],
        collections: &["新生系列", "四季棉系列"],
    },
    Department {
        code: "beauty",
        prefix: "BT",
        zh: "美妆",
        brands: &["花间令", "素盏", "黛青", "水沐年", "凝时"],
        collections: &["东方彩妆系列", "山茶系列", "敦煌联名"],
    },
    Department {
        code: "tea",
        prefix: "TE",
        zh: "茶叶",
        brands: &["岁时茶事", "云顶山房", "一叶舟", "松间集", "老树记"],
        collections: &["岁时系列", "名山系列"],
    },
    Department {
        code: "apparel",
        prefix: "AP",
        zh: "服饰",
        brands: &["北岭", "雪域行者", "暖屿", "凛冬", "山野志"],
        collections: &["极地系列", "城市轻羽系列"],
    },
    Department {
        code: "appliance",
        prefix: "EL",
        zh: "家电",
        brands: &["净界", "居然", "恒舍", "微澜", "匠工"],
        collections: &["原木系列"],
    },
    Department {
        code: "household",
        prefix: "HH",
        zh: "家清",
        brands: &["洁印", "白桦林", "家日常", "一匙净", "清屿"],
        collections: &["量贩系列"],
    },
];

/// A department: code (first step of the category path), prefix of its item ids, Chinese name, brands, collections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Department {
    pub(super) code: &'static str,
    pub(super) prefix: &'static str,
    pub(super) zh: &'static str,
    pub(super) brands: &'static [&'static str],
    pub(super) collections: &'static [&'static str],
}

/// Whether a leaf category is for a kind of pet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pet {
    Any,
    Dog,
    Cat,
}

/// When a category is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Season {
    Flat,
    /// October to March; a tenth of the wish otherwise.
    Winter,
    /// Before Mid-Autumn and Spring Festival; a fifth of the wish otherwise.
    Gift,
}

/// A leaf category.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    /// Category path, `department/leaf`.
    pub(super) code: &'static str,
    /// Chinese name of the leaf.
    pub(super) zh: &'static str,
    /// Index into [`DEPARTMENTS`].
    pub(super) department: usize,
    /// Share of the catalogue, relatively.
    pub(super) share: f64,
    /// Lowest and highest list price, yuan.
    pub(super) price: (f64, f64),
    /// Mean days one unit lasts; 0 = not consumed.
    pub(super) days: u16,
    /// Warranty days; 0 = none.
    pub(super) warranty: u16,
    /// Share of purchases that come back.
    pub(super) returns: f64,
    /// Variants of each product (colours, sizes).
    pub(super) variants: u32,
    /// Weight among the department's leaves when a member browses; 0 = only bought on purpose.
    pub(super) browse: f64,
    /// Largest usual quantity.
    pub(super) quantity: u32,
    pub(super) pet: Pet,
    pub(super) season: Season,
    /// First words, and last words (sizes, variants), of item names.
    pub(super) words: (&'static [&'static str], &'static [&'static str]),
}

/// An accessory relation: who buys the device buys the accessory with this probability, after a skewed lag of this mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachment {
    /// Leaf of the device.
    pub(super) device: &'static str,
    /// Leaf of the accessory.
    pub(super) accessory: &'static str,
    /// Probability within [`MAX_LAG_DAYS`] of the device's purchase.
    pub(super) probability: f64,
    /// Mean lag, days (before the cut at [`MAX_LAG_DAYS`]).
    pub(super) mean_days: f64,
    /// Whether an accessory fits particular device families (else every device of the leaf).
    pub(super) by_item: bool,
}

/// No accessory is attached later than this many days after its device, and browsing for accessories starts only then.
pub(super) const MAX_LAG_DAYS: i32 = 60;

const fn attachment(
    device: &'static str,
    accessory: &'static str,
    probability: f64,
    mean_days: f64,
    by_item: bool,
) -> Attachment {
    Attachment { device, accessory, probability, mean_days, by_item }
}

/// What is bought with what.
pub(super) const ATTACHMENTS: &[Attachment] = &[
    attachment("phone/handset", "phone/case", 0.55, 4.0, true),
    attachment("phone/handset", "phone/film", 0.40, 3.0, true),
    attachment("phone/handset", "phone/charger", 0.20, 10.0, false),
    attachment("phone/handset", "phone/earbuds", 0.30, 18.0, false),
    attachment("appliance/purifier", "appliance/purifier_filter", 0.60, 25.0, true),
    attachment("appliance/coffee_machine", "appliance/coffee_capsule", 0.75, 5.0, true),
    attachment("appliance/vacuum", "appliance/vacuum_bag", 0.40, 25.0, true),
    attachment("appliance/toothbrush", "appliance/brush_head", 0.50, 28.0, true),
];

const fn leaf(department: usize, code: &'static str, zh: &'static str, share: f64, price: (f64, f64)) -> Leaf {
    Leaf {
        code,
        zh,
        department,
        share,
        price,
        days: 0,
        warranty: 0,
        returns: 0.01,
        variants: 1,
        browse: 1.0,
        quantity: 1,
        pet: Pet::Any,
        season: Season::Flat,
        words: (&[""], &[""]),
    }
}

impl Leaf {
    const fn lasts(self, days: u16, quantity: u32) -> Self {
        Self { days, quantity, ..self }
    }

    const fn backed(self, warranty: u16) -> Self {
        Self { warranty, ..self }
    }

    const fn returned(self, returns: f64) -> Self {
        Self { returns, ..self }
    }

    const fn variants(self, variants: u32) -> Self {
        Self { variants, ..self }
    }

    const fn browse(self, browse: f64) -> Self {
        Self { browse, ..self }
    }

    const fn pet(self, pet: Pet) -> Self {
        Self { pet, ..self }
    }

    const fn season(self, season: Season) -> Self {
        Self { season, ..self }
    }

    const fn named(self, first: &'static [&'static str], last: &'static [&'static str]) -> Self {
        Self { words: (first, last), ..self }
    }
}

const COLOURS: &[&str] = &["曜石黑", "月光白", "雾霾蓝"];
const SIZES: &[&str] = &["S码", "M码", "L码", "XL码"];
const KIDS: &[&str] = &["90码", "100码", "110码"];

/// Every leaf category; a department's leaves stand together, in the order of [`DEPARTMENTS`].
#[rustfmt::skip]
pub(super) const LEAVES: &[Leaf] = &[
    leaf(0, "phone/handset", "手机", 2.4, (1299.0, 6999.0)).backed(365).returned(0.03).variants(3).browse(0.0)
        .named(&["X系列5G手机", "折叠屏手机", "影像旗舰手机", "长续航手机"], COLOURS),
    leaf(0, "phone/case", "手机壳", 3.0, (19.0, 129.0)).returned(0.025).browse(1.0)
        .named(&["磁吸手机壳", "液态硅胶手机壳", "防摔手机壳", "素皮手机壳"], &["黑", "粉", "透明", "墨绿"]),
    leaf(0, "phone/film", "贴膜", 2.0, (15.0, 69.0)).browse(0.5)
        .named(&["钢化膜", "防窥膜", "水凝膜"], &["两片装", "单片装"]),
    leaf(0, "phone/charger", "充电配件", 1.5, (49.0, 199.0)).backed(180).browse(0.8)
        .named(&["氮化镓充电器", "磁吸充电宝", "编织数据线"], &["30W", "67W", "120W", "1万毫安"]),
    leaf(0, "phone/earbuds", "耳机", 1.5, (99.0, 999.0)).backed(365).returned(0.03).browse(0.5)
        .named(&["降噪蓝牙耳机", "骨传导耳机", "半入耳耳机"], COLOURS),
    leaf(0, "phone/wearable", "智能穿戴", 1.5, (149.0, 1999.0)).backed(365).returned(0.03).browse(0.8)
        .named(&["智能手表", "运动手环", "儿童定位手表"], COLOURS),

    leaf(1, "pet/dog_food", "狗粮", 3.0, (69.0, 399.0)).lasts(30, 2).pet(Pet::Dog)
        .named(&["全价鲜肉狗粮", "无谷狗粮", "冻干双拼狗粮", "幼犬奶糕"], &["2kg", "5kg", "10kg"]),
    leaf(1, "pet/cat_food", "猫粮", 3.0, (69.0, 399.0)).lasts(28, 2).pet(Pet::Cat)
        .named(&["全价猫粮", "无谷冻干猫粮", "室内成猫粮", "幼猫粮"], &["1.5kg", "2kg", "5kg"]),
    leaf(1, "pet/cat_litter", "猫砂", 2.0, (29.0, 129.0)).lasts(21, 3).pet(Pet::Cat)
        .named(&["豆腐猫砂", "混合猫砂", "木薯猫砂"], &["2.5kg×4", "6L×3", "10kg"]),
    leaf(1, "pet/snack", "宠物零食", 2.5, (15.0, 89.0)).browse(2.0)
        .named(&["鸡胸肉干", "冻干零食", "主食罐", "洁齿棒"], &["100g", "200g", "12罐", "尝鲜装"]),
    leaf(1, "pet/toy", "宠物玩具", 2.0, (12.0, 99.0)).browse(1.2)
        .named(&["逗猫棒", "磨牙绳结", "漏食球", "猫抓板"], &["单只装", "三件套"]),
    leaf(1, "pet/care", "宠物护理", 1.5, (29.0, 199.0)).browse(0.8)
        .named(&["宠物沐浴露", "驱虫滴剂", "除臭喷雾", "营养膏"], &["300ml", "500ml", "3支装"]),

    leaf(2, "baby/diaper", "纸尿裤", 3.0, (59.0, 189.0)).lasts(20, 3)
        .named(&["超薄纸尿裤", "拉拉裤", "臻柔纸尿裤"], &["S码 64片", "M码 56片", "L码 48片", "XL码 42片"]),
    leaf(2, "baby/formula", "奶粉", 2.5, (198.0, 459.0)).lasts(25, 2)
        .named(&["A2婴儿奶粉", "有机奶粉", "羊奶粉"], &["1段 800g", "2段 800g", "3段 800g"]),
    leaf(2, "baby/wipes", "湿巾", 2.0, (19.0, 69.0)).lasts(30, 3)
        .named(&["手口湿巾", "云柔巾", "棉柔巾"], &["80抽×5", "100抽×6", "便携装"]),
    leaf(2, "baby/clothes", "童装", 3.0, (49.0, 259.0)).returned(0.05).variants(3).browse(1.6)
        .named(&["纯棉连体衣", "四季睡袋", "A类打底衫", "外出抱被"], KIDS),
    leaf(2, "baby/toy", "益智玩具", 2.5, (29.0, 299.0)).browse(1.2)
        .named(&["早教布书", "木质积木", "健身架", "声光摇铃"], &["基础款", "礼盒装"]),
    leaf(2, "baby/feeding", "喂养用品", 2.0, (25.0, 239.0)).browse(1.0)
        .named(&["宽口径奶瓶", "辅食碗", "吸管杯", "恒温水壶"], &["160ml", "240ml", "三件套"]),

    leaf(3, "beauty/cleanser", "洁面", 2.5, (59.0, 239.0)).lasts(60, 1)
        .named(&["氨基酸洁面乳", "洁面慕斯", "卸妆膏"], &["100g", "120ml", "150ml"]),
    leaf(3, "beauty/serum", "精华", 2.5, (129.0, 899.0)).lasts(75, 1)
        .named(&["焕亮精华液", "紧致抗皱精华", "舒缓修护精华", "双抗精华"], &["30ml", "50ml"]),
    leaf(3, "beauty/mask", "面膜", 2.5, (49.0, 199.0)).lasts(25, 3)
        .named(&["玻尿酸补水面膜", "修护冻膜", "清洁泥膜"], &["5片", "10片", "100g"]),
    leaf(3, "beauty/sunscreen", "防晒", 1.5, (69.0, 259.0)).lasts(50, 2)
        .named(&["清爽防晒乳", "养肤防晒霜", "防晒喷雾"], &["SPF50+ 50ml", "SPF30 60ml"]),
    leaf(3, "beauty/makeup", "彩妆", 4.0, (69.0, 329.0)).returned(0.02).variants(3).browse(2.5)
        .named(&["雕花口红", "持妆粉底液", "九色眼影盘", "柔雾腮红"], &["01远山", "02胭脂", "03晚樱"]),
    leaf(3, "beauty/perfume", "香水", 1.5, (129.0, 899.0)).browse(0.8)
        .named(&["桂花淡香水", "白茶香水", "雪松木质香水"], &["15ml", "50ml"]),

    leaf(4, "tea/green", "绿茶", 2.0, (68.0, 680.0)).lasts(45, 2)
        .named(&["明前龙井", "碧螺春", "黄山毛峰", "安吉白茶"], &["50g", "125g", "250g"]),
    leaf(4, "tea/oolong", "乌龙茶", 2.0, (88.0, 780.0)).lasts(50, 2)
        .named(&["铁观音", "大红袍", "凤凰单丛", "冻顶乌龙"], &["100g", "250g"]),
    leaf(4, "tea/puer", "普洱茶", 1.5, (98.0, 980.0)).lasts(70, 1)
        .named(&["古树生普", "宫廷熟普", "陈年茶饼"], &["200g", "357g"]),
    leaf(4, "tea/gift_box", "茶礼盒", 2.0, (198.0, 1299.0)).browse(1.5).season(Season::Gift)
        .named(&["岁朝清供礼盒", "山水茶礼盒", "双罐礼盒", "国风茶礼"], &["标准装", "典藏装"]),
    leaf(4, "tea/ware", "茶具", 2.0, (59.0, 899.0)).returned(0.02).browse(1.2)
        .named(&["青瓷盖碗", "紫砂壶", "旅行茶具", "汝窑茶杯"], &["单只", "一壶四杯", "套装"]),

    leaf(5, "apparel/down_jacket", "羽绒服", 4.0, (599.0, 2999.0)).returned(0.08).variants(4).browse(2.5).season(Season::Winter)
        .named(&["极寒长款羽绒服", "轻薄羽绒服", "鹅绒派克服", "短款面包服"], SIZES),
    leaf(5, "apparel/thermal", "保暖内衣", 2.0, (99.0, 399.0)).returned(0.05).variants(4).browse(1.4).season(Season::Winter)
        .named(&["德绒保暖套装", "自发热内衣", "羊毛打底衫"], SIZES),
    leaf(5, "apparel/fleece", "抓绒衣", 2.0, (149.0, 599.0)).returned(0.06).variants(4).browse(1.0)
        .named(&["摇粒绒外套", "软壳抓绒衣", "高领卫衣"], SIZES),
    leaf(5, "apparel/hat_scarf", "帽子围巾", 2.0, (49.0, 299.0)).returned(0.03).browse(1.2).season(Season::Winter)
        .named(&["羊绒围巾", "雷锋帽", "触屏手套", "针织帽"], &["均码"]),
    leaf(5, "apparel/kids_down", "儿童羽绒服", 2.0, (299.0, 999.0)).returned(0.07).variants(3).browse(1.2).season(Season::Winter)
        .named(&["儿童鹅绒服", "亲子款羽绒服"], KIDS),

    leaf(6, "appliance/purifier", "空气净化器", 1.2, (1299.0, 4999.0)).backed(730).returned(0.02).browse(0.0)
        .named(&["除醛空气净化器", "母婴空气净化器", "新风净化机"], &["40㎡", "60㎡", "90㎡"]),
    leaf(6, "appliance/purifier_filter", "净化器滤芯", 1.5, (129.0, 499.0)).lasts(120, 1).browse(0.3)
        .named(&["复合滤芯", "除醛滤芯", "高效滤网"], &["单只装", "两只装"]),
    leaf(6, "appliance/coffee_machine", "咖啡机", 1.0, (699.0, 4999.0)).backed(730).returned(0.02).browse(0.0)
        .named(&["胶囊咖啡机", "全自动咖啡机"], &["奶油白", "石墨黑"]),
    leaf(6, "appliance/coffee_capsule", "咖啡胶囊", 2.0, (45.0, 159.0)).lasts(30, 3).browse(0.4)
        .named(&["意式浓缩胶囊", "美式胶囊", "云南精品胶囊", "拿铁胶囊"], &["10颗", "20颗", "40颗"]),
    leaf(6, "appliance/vacuum", "吸尘器", 1.0, (999.0, 3999.0)).backed(730).returned(0.025).browse(0.0)
        .named(&["无线吸尘器", "洗地机", "扫拖机器人"], &["标准版", "Pro版"]),
    leaf(6, "appliance/vacuum_bag", "尘袋拖布", 1.2, (29.0, 129.0)).lasts(60, 2).browse(0.3)
        .named(&["集尘袋", "一次性拖布", "滚刷套装"], &["3只装", "6只装"]),
    leaf(6, "appliance/toothbrush", "电动牙刷", 1.2, (129.0, 899.0)).backed(365).returned(0.015).browse(0.0)
        .named(&["声波电动牙刷", "旋转电动牙刷"], COLOURS),
    leaf(6, "appliance/brush_head", "牙刷头", 1.2, (39.0, 159.0)).lasts(90, 2).browse(0.3)
        .named(&["敏感型刷头", "亮白型刷头"], &["2支装", "4支装"]),
    leaf(6, "appliance/kettle", "电热水壶", 1.5, (99.0, 499.0)).backed(365).browse(1.4)
        .named(&["恒温电水壶", "养生壶", "便携烧水杯"], &["1L", "1.5L"]),
    leaf(6, "appliance/cooker", "厨房小电", 2.0, (149.0, 1299.0)).backed(365).returned(0.02).browse(1.6)
        .named(&["球釜电饭煲", "空气炸锅", "破壁机", "电压力锅"], &["3L", "4L", "5L"]),

    leaf(7, "household/tissue", "纸品", 2.5, (25.0, 89.0)).lasts(35, 3)
        .named(&["抽纸", "悬挂式纸巾", "厨房纸", "卷纸"], &["10包", "24包", "整箱"]),
    leaf(7, "household/detergent", "衣物清洁", 2.0, (29.0, 139.0)).lasts(45, 2)
        .named(&["洗衣凝珠", "香氛洗衣液", "内衣皂液"], &["40颗", "2kg", "5kg"]),
    leaf(7, "household/cleaner", "家居清洁", 2.0, (15.0, 69.0))
        .named(&["油污净", "洁厕灵", "地板清洁片", "洗洁精"], &["500ml", "两瓶装", "30片"]),
    leaf(7, "household/kitchen", "厨房用品", 2.5, (19.0, 299.0)).browse(1.3)
        .named(&["陶瓷餐具", "不粘炒锅", "保鲜盒", "硅藻泥沥水垫"], &["两件套", "六件套", "28cm"]),
    leaf(7, "household/storage", "收纳", 2.5, (19.0, 199.0)).returned(0.02).browse(1.2)
        .named(&["折叠收纳箱", "真空压缩袋", "衣柜分层架"], &["小号", "大号", "三只装"]),
];

/// Index of a leaf by its code.
pub(super) fn leaf_index(code: &str) -> Option<usize> {
    LEAVES.iter().position(|leaf| leaf.code == code)
}

/// Indices of the leaves of a department.
pub(super) fn leaves_of(department: usize) -> std::ops::Range<usize> {
    let start = LEAVES.iter().position(|leaf| leaf.department == department).unwrap_or(0);
    let end = LEAVES.iter().rposition(|leaf| leaf.department == department).map_or(0, |last| last + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_coherent() {
        for (i, leaf) in LEAVES.iter().enumerate() {
            assert!(leaf.code.starts_with(&format!("{}/", DEPARTMENTS[leaf.department].code)), "{}", leaf.code);
            assert!(leaves_of(leaf.department).contains(&i));
            assert_eq!(leaf_index(leaf.code), Some(i));
            assert!(leaf.price.0 < leaf.price.1 && leaf.words.1.len() as u32 >= leaf.variants);
        }
        for attachment in ATTACHMENTS {
            assert!(leaf_index(attachment.device).is_some() && leaf_index(attachment.accessory).is_some());
            assert_eq!(LEAVES[leaf_index(attachment.device).unwrap()].browse, 0.0, "devices are bought on purpose");
        }
        for department in 0..DEPARTMENTS.len() {
            // Something can always be browsed, whatever a member owns.
            assert!(leaves_of(department).any(|i| {
                LEAVES[i].browse > 0.0
                    && LEAVES[i].pet == Pet::Any
                    && LEAVES[i].season == Season::Flat
                    && ATTACHMENTS.iter().all(|a| a.accessory != LEAVES[i].code)
            }));
        }
    }
}
