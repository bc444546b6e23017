//! The currency codes of ISO 4217 that are in use.

/// Active codes, funds and metals left out.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
                     BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
                     GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW \
                     KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
                     NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD \
                     SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED \
                     VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Every code in use.
pub(super) fn codes() -> impl Iterator<Item = &'static str> + Clone {
    CODES.split_ascii_whitespace()
}

/// The code of a name that people write instead.
pub(super) fn meant_by(text: &str) -> Option<&'static str> {
    match text.to_uppercase().as_str() {
        "RMB" | "CNH" | "YUAN" | "¥" | "元" | "人民币" => Some("CNY"),
        "£" | "UKP" | "POUND" => Some("GBP"),
        "€" | "EURO" => Some("EUR"),
        "$" | "DOLLAR" => Some("USD"),
        other => codes().find(|code| *code == other),
    }
}
