//! Cities with their tiers, and the shop's stores in them.

/// A city: name, tier (1 = first tier … 5) and how many members live there, relatively.
#[derive(Debug, Clone, Copy)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) tier: u8,
    pub(super) weight: f64,
    pub(super) stores: u16,
}

const fn city(name: &'static str, tier: u8, weight: f64, stores: u16) -> City {
    City { name, tier, weight, stores }
}

/// Where members live. Tiers follow the common business grouping.
pub(super) const CITIES: &[City] = &[
    city("上海", 1, 8.0, 8),
    city("北京", 1, 7.5, 7),
    city("深圳", 1, 6.0, 5),
    city("广州", 1, 6.0, 5),
    city("成都", 2, 4.5, 4),
    city("杭州", 2, 4.5, 4),
    city("重庆", 2, 4.0, 3),
    city("武汉", 2, 3.5, 3),
    city("苏州", 2, 3.2, 2),
    city("西安", 2, 3.2, 2),
    city("南京", 2, 3.2, 3),
    city("长沙", 2, 2.6, 2),
    city("天津", 2, 2.6, 2),
    city("郑州", 2, 2.4, 1),
    city("青岛", 2, 2.2, 1),
    city("宁波", 2, 2.0, 1),
    city("合肥", 2, 2.0, 1),
    city("佛山", 2, 1.8, 1),
    city("沈阳", 2, 1.8, 1),
    city("昆明", 2, 1.6, 1),
    city("济南", 2, 1.6, 1),
    city("厦门", 2, 1.5, 1),
    city("福州", 2, 1.5, 1),
    city("大连", 2, 1.4, 1),
    city("哈尔滨", 2, 1.4, 1),
    city("扬州", 3, 1.0, 1),
    city("潍坊", 3, 1.0, 0),
    city("洛阳", 3, 1.0, 1),
    city("湖州", 3, 0.9, 0),
    city("襄阳", 3, 0.8, 0),
    city("绵阳", 3, 0.8, 1),
    city("赣州", 3, 0.8, 0),
    city("桂林", 3, 0.8, 0),
    city("邯郸", 3, 0.7, 0),
    city("遵义", 3, 0.7, 0),
    city("宜宾", 4, 0.6, 0),
    city("上饶", 4, 0.6, 0),
    city("黄冈", 4, 0.5, 0),
    city("曲靖", 4, 0.5, 0),
    city("延安", 4, 0.4, 0),
    city("大理", 4, 0.4, 0),
    city("张家界", 5, 0.3, 0),
    city("敦煌", 5, 0.2, 0),
    city("黑河", 5, 0.2, 0),
];

/// The stores: id and index of the city, in id order.
pub(super) fn stores() -> Vec<(String, u16)> {
    let mut stores = Vec::new();
    for (at, city) in CITIES.iter().enumerate() {
        for number in 1..=city.stores {
            stores.push((format!("S{:02}-{number:02}", at + 1), at as u16));
        }
    }
    stores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_cities_and_big_cities_have_stores() {
        for tier in 1..=5 {
            assert!(CITIES.iter().any(|city| city.tier == tier), "{tier}");
        }
        assert!(CITIES.iter().filter(|city| city.tier <= 2).all(|city| city.stores > 0));
        assert!(stores().windows(2).all(|pair| pair[0].0 < pair[1].0));
        // Names must fit an inline string view.
        assert!(CITIES.iter().all(|city| city.name.len() <= 12));
    }
}
