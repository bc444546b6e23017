//! A CSV parser that forgives nothing: RFC 4180, UTF-8, one kind of line end.

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvField {
    /// Its text.
    pub text: String,
    /// Whether it stood between quotes.
    pub quoted: bool,
}

/// Reads records one after the other.
#[derive(Debug)]
pub struct CsvReader<'a> {
    text: &'a str,
    line_end: &'static str,
    at: usize,
    line: u64,
}

impl<'a> CsvReader<'a> {
    /// A reader of a whole file.
    ///
    /// # Errors
    /// What is wrong with the file before any record: bytes that are no text, a byte-order mark.
    pub fn new(bytes: &'a [u8], line_end: &'static str) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("byte {} is no UTF-8", e.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err("the file begins with a byte-order mark".to_owned());
        }
        Ok(Self { text, line_end, at: 0, line: 1 })
    }

    /// Line the next record begins on.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The next record; `None` at the end of the file.
    ///
    /// # Errors
    /// What is wrong with it; nothing can be read behind it.
    pub fn record(&mut self) -> Option<Result<Vec<CsvField>, String>> {
        if self.at == self.text.len() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.at = self.text.len();
        }
        Some(record)
    }

    fn read(&mut self) -> Result<Vec<CsvField>, String> {
        let mut fields = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let field = if rest.starts_with('"') { self.quoted()? } else { self.plain()? };
            fields.push(field);
            let rest = &self.text[self.at..];
            if rest.starts_with(self.line_end) {
                self.at += self.line_end.len();
                self.line += 1;
                return Ok(fields);
            }
            match rest.as_bytes().first() {
                Some(b',') => self.at += 1,
                None => return Err("the last line has no line end".to_owned()),
                Some(b'\r' | b'\n') => return Err("a line ends in another way than declared".to_owned()),
                Some(_) => return Err("something stands behind a closing quote".to_owned()),
            }
        }
    }

    fn plain(&mut self) -> Result<CsvField, String> {
        let rest = &self.text[self.at..];
        let length = rest.find([',', '"', '\r', '\n']).unwrap_or(rest.len());
        if rest.as_bytes().get(length) == Some(&b'"') {
            return Err("a quote stands inside a field without quotes".to_owned());
        }
        self.at += length;
        Ok(CsvField { text: rest[..length].to_owned(), quoted: false })
    }

    fn quoted(&mut self) -> Result<CsvField, String> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find('"') else { return Err("a quote is never closed".to_owned()) };
            let part = &rest[..length];
            self.line += part.bytes().filter(|b| *b == b'\n').count() as u64;
            text.push_str(part);
            self.at += length + 1;
            if !self.text[self.at..].starts_with('"') {
                return Ok(CsvField { text, quoted: true });
            }
            text.push('"');
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], line_end: &'static str) -> Result<Vec<Vec<String>>, String> {
        let mut reader = CsvReader::new(bytes, line_end)?;
        let mut all = Vec::new();
        while let Some(record) = reader.record() {
            all.push(record?.into_iter().map(|f| f.text).collect());
        }
        Ok(all)
    }

    #[test]
    fn forgives_nothing() {
        let good = "a,\"b \"\"x\"\", \n c\",\r\n\"\",d,\r\n";
        assert_eq!(read(good.as_bytes(), "\r\n").unwrap(), [["a", "b \"x\", \n c", ""], ["", "d", ""]]);
        for bad in ["a,b", "a,\"b\n", "a\"b\n", "\"a\"b\n", "\"a\" ,b\n", "a\r\n", "a\rb\n", "\u{feff}a\n", "\"a\"\"\n"]
        {
            assert!(read(bad.as_bytes(), "\n").is_err(), "{bad:?}");
        }
        assert!(read(b"a\n", "\r\n").is_err());
        assert!(read(b"\xffa\n", "\n").is_err());
    }
}
