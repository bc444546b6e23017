//! Tiers of Chinese cities: a default table, and what a job says instead.
//!
//! The table follows the grouping that Chinese business papers publish every year (first tier; new first and second tier
//! together; third; fourth; fifth), simplified to five steps. It is a convention that moves, not a fact: a tier in the
//! members table goes first, then the job's `[cities.tiers]`, then this.

use std::collections::BTreeMap;

/// Cities by tier, the first tier first.
const TIERS: [&str; 5] = [
    "北京 上海 广州 深圳",
    "成都 杭州 重庆 苏州 武汉 西安 南京 长沙 天津 郑州 东莞 无锡 宁波 青岛 合肥 佛山 沈阳 昆明 \
     济南 厦门 福州 温州 常州 大连 石家庄 南宁 哈尔滨 金华 南昌 长春 南通 泉州 贵阳 嘉兴 太原 惠州 \
     徐州 绍兴 中山 台州 烟台 珠海 保定 香港 澳门 台北",
    "兰州 临沂 潍坊 扬州 海口 汕头 洛阳 乌鲁木齐 盐城 济宁 湖州 江门 赣州 阜阳 泰州 唐山 呼和浩特 \
     镇江 廊坊 邯郸 银川 芜湖 三亚 桂林 绵阳 遵义 揭阳 漳州 淄博 襄阳 湛江 咸阳 威海 淮安 连云港 \
     宿迁 柳州 商丘 新乡 周口 南阳 信阳 驻马店 宜昌 荆州 株洲 岳阳 常德 衡阳 湘潭 九江 莆田 宁德 \
     滁州 马鞍山 蚌埠 六安 安庆 泰安 德州 聊城 菏泽 沧州 秦皇岛 大庆 鞍山 吉林 清远 肇庆 梅州 茂名 \
     潮州 丽水 衢州 舟山 包头 西宁 拉萨 昆山 义乌 高雄 台中",
    "上饶 宜春 吉安 抚州 景德镇 宜宾 南充 德阳 泸州 乐山 达州 眉山 内江 自贡 遂宁 广安 黄冈 孝感 \
     十堰 荆门 黄石 咸宁 恩施 郴州 邵阳 怀化 娄底 永州 益阳 许昌 安阳 平顶山 开封 焦作 濮阳 漯河 \
     三门峡 枣庄 东营 日照 滨州 邢台 衡水 张家口 承德 大同 临汾 运城 晋中 长治 宝鸡 渭南 延安 榆林 \
     汉中 曲靖 大理 红河 玉溪 丽江 西双版纳 毕节 黔南 黔东南 铜仁 玉林 北海 梧州 贵港 百色 钦州 \
     韶关 河源 阳江 汕尾 云浮 龙岩 三明 南平 宣城 亳州 宿州 淮南 淮北 黄山 铜陵 池州 锦州 丹东 \
     抚顺 营口 盘锦 葫芦岛 齐齐哈尔 牡丹江 佳木斯 绥化 延边 四平 赤峰 鄂尔多斯 通辽 天水 喀什 伊犁 \
     昌吉",
    "张家界 湘西 鹤壁 济源 朔州 阳泉 晋城 忻州 吕梁 安康 商洛 铜川 昭通 普洱 临沧 保山 楚雄 文山 \
     德宏 怒江 迪庆 六盘水 安顺 黔西南 河池 贺州 来宾 崇左 防城港 雅安 巴中 资阳 广元 攀枝花 凉山 \
     甘孜 阿坝 随州 鄂州 仙桃 天门 潜江 神农架 萍乡 新余 鹰潭 阜新 朝阳 铁岭 本溪 辽阳 白城 白山 \
     松原 通化 辽源 黑河 鸡西 鹤岗 双鸭山 伊春 七台河 大兴安岭 呼伦贝尔 兴安 锡林郭勒 乌兰察布 \
     巴彦淖尔 乌海 阿拉善 敦煌 酒泉 嘉峪关 金昌 武威 张掖 白银 定西 平凉 庆阳 陇南 临夏 甘南 石嘴山 \
     吴忠 固原 中卫 海东 海西 海南州 海北 黄南 玉树 果洛 阿克苏 和田 哈密 吐鲁番 克拉玛依 博尔塔拉 \
     巴音郭楞 塔城 阿勒泰 石河子 日喀则 昌都 林芝 山南 那曲 阿里 儋州 三沙 琼海 文昌 万宁 五指山",
];

/// Tiers by city name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CityTiers {
    /// What the job says.
    own: BTreeMap<String, u8>,
}

impl CityTiers {
    /// The built-in table with a job's own tiers (1…5) before it.
    #[must_use]
    pub fn new<'a>(own: impl IntoIterator<Item = (&'a str, u8)>) -> Self {
        Self { own: own.into_iter().map(|(name, tier)| (Self::plain(name).to_owned(), tier)).collect() }
    }

    /// A city's name without blanks around it and without the word for city: `上海市` is `上海`.
    #[must_use]
    pub fn plain(name: &str) -> &str {
        let name = name.trim();
        match name.strip_suffix('市') {
            Some(short) if short.chars().count() >= 2 => short,
            _ => name,
        }
    }

    /// The tier of a city, 1 = first tier … 5; `None` for a name that is not known.
    #[must_use]
    pub fn tier(&self, name: &str) -> Option<u8> {
        let name = Self::plain(name);
        let built_in = || TIERS.iter().position(|cities| cities.split(' ').any(|c| c == name)).map(|at| at as u8 + 1);
        self.own.get(name).copied().or_else(built_in)
    }

    /// Every name that is known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.own.keys().map(String::as_str).chain(TIERS.iter().flat_map(|cities| cities.split(' ')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_city_has_one_tier() {
        let mut all: Vec<&str> = TIERS.iter().flat_map(|cities| cities.split(' ')).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a city stands twice in the table");
        assert!(count > 330, "{count}");
    }

    #[test]
    fn names_and_overrides() {
        let table = CityTiers::new([("昆山市", 2), ("新城", 5)]);
        assert_eq!(table.tier("上海"), Some(1));
        assert_eq!(table.tier(" 上海市 "), Some(1));
        assert_eq!(table.tier("昆山"), Some(2));
        assert_eq!(CityTiers::default().tier("昆山"), Some(3));
        assert_eq!(table.tier("新城"), Some(5));
        assert_eq!(table.tier("上还"), None);
        // A name of two characters keeps its last one.
        assert_eq!(CityTiers::plain("沙市"), "沙市");
    }
}
