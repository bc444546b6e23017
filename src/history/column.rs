//! Columns of whole numbers that take no more room than their largest value asks for.

use std::marker::PhantomData;

/// What a [`Column`] can hold: whole numbers that an `i64` holds too.
pub trait Cell: Copy {
    /// The number that is held for it; small in size where the value is common.
    fn to_held(self) -> i64;
    /// The value that a number was held for.
    fn from_held(held: i64) -> Self;
}

impl Cell for i64 {
    fn to_held(self) -> i64 {
        self
    }

    fn from_held(held: i64) -> Self {
        held
    }
}

impl Cell for i32 {
    fn to_held(self) -> i64 {
        self.into()
    }

    fn from_held(held: i64) -> Self {
        held as Self
    }
}

/// A code: [`super::NO_CODE`], the largest of them, is held as -1, and so takes no more room than a small one.
impl Cell for u16 {
    fn to_held(self) -> i64 {
        i64::from(self as i16)
    }

    fn from_held(held: i64) -> Self {
        held as Self
    }
}

/// A column of whole numbers, each in as many bytes as the one needs that needs most: 1, 2, 4 or 8. Amounts of a shop mostly fit
/// into four, quantities into two, codes of channels into one; a night's histories are nearly all of its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<T> {
    pub(super) cells: Cells,
    of: PhantomData<T>,
}

/// The numbers, by the bytes that each takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cells {
    One(Vec<i8>),
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

/// Does the same to the numbers, whatever their size.
macro_rules! each_size {
    ($cells:expr, $numbers:ident => $what:expr) => {
        match $cells {
            Cells::One($numbers) => $what,
            Cells::Two($numbers) => $what,
            Cells::Four($numbers) => $what,
            Cells::Eight($numbers) => $what,
        }
    };
}
pub(super) use each_size;

impl<T> From<Cells> for Column<T> {
    fn from(cells: Cells) -> Self {
        Self { cells, of: PhantomData }
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Cells::One(Vec::new()).into()
    }
}

impl<T: Cell> Column<T> {
    /// An empty column that has room for so many values.
    #[must_use]
    pub fn with_capacity(values: usize) -> Self {
        Cells::One(Vec::with_capacity(values)).into()
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        each_size!(&self.cells, numbers => numbers.len())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at an index; `None` past the end.
    #[must_use]
    #[inline]
    #[expect(clippy::useless_conversion, reason = "one of the sizes is that of an i64 already")]
    pub fn get(&self, index: usize) -> Option<T> {
        each_size!(&self.cells, numbers => numbers.get(index).map(|number| T::from_held((*number).into())))
    }

    /// The value at an index below [`len`](Self::len).
    #[must_use]
    #[inline]
    #[expect(clippy::useless_conversion, reason = "one of the sizes is that of an i64 already")]
    pub fn at(&self, index: usize) -> T {
        T::from_held(each_size!(&self.cells, numbers => numbers[index].into()))
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Appends a value.
    pub fn push(&mut self, value: T) {
        self.extend([value]);
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.cells.bytes_each() * each_size!(&self.cells, numbers => numbers.capacity())
    }
}

impl Cells {
    /// Moves the numbers to twice their size; those of eight bytes stay as they are.
    fn widen(&mut self) {
        fn wider<N: Copy, W: From<N>>(numbers: &[N], room: usize) -> Vec<W> {
            let mut wide = Vec::with_capacity(room);
            wide.extend(numbers.iter().map(|number| W::from(*number)));
            wide
        }
        *self = match self {
            Self::One(numbers) => Self::Two(wider(numbers, numbers.capacity())),
            Self::Two(numbers) => Self::Four(wider(numbers, numbers.capacity())),
            Self::Four(numbers) => Self::Eight(wider(numbers, numbers.capacity())),
            Self::Eight(_) => return,
        };
    }

    /// Bytes of a number.
    pub(super) fn bytes_each(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(_) => 2,
            Self::Four(_) => 4,
            Self::Eight(_) => 8,
        }
    }
}

impl<T: Cell> Extend<T> for Column<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        /// Appends values until one does not fit, and gives that one back.
        fn fill<N: TryFrom<i64>>(numbers: &mut Vec<N>, held: impl Iterator<Item = i64>) -> Option<i64> {
            for value in held {
                match N::try_from(value) {
                    Ok(number) => numbers.push(number),
                    Err(_) => return Some(value),
                }
            }
            None
        }
        let mut held = values.into_iter().map(T::to_held);
        let mut left_over = None;
        loop {
            let rest = left_over.into_iter().chain(held.by_ref());
            left_over = each_size!(&mut self.cells, numbers => fill(numbers, rest));
            if left_over.is_none() {
                return;
            }
            self.cells.widen();
        }
    }
}

impl<T: Cell> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut column = Self::default();
        column.extend(values);
        column
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of every size, the small ones as often as the large.
    fn any_size() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0u32..64).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        #[test]
        fn holds_what_a_vector_holds(values in prop::collection::vec(any_size(), 0..50), pushed in any_size(), room in 0usize..60) {
            let mut column = Column::with_capacity(room);
            column.extend(values.iter().copied());
            column.push(pushed);
            let mut want = values;
            want.push(pushed);
            prop_assert_eq!(column.len(), want.len());
            prop_assert_eq!(column.iter().collect::<Vec<i64>>(), want.clone());
            prop_assert!((0..60).all(|i| column.get(i) == want.get(i).copied()));
            prop_assert_eq!(&column, &want.iter().copied().collect());
            let most = want.iter().map(|v| if *v < 0 { !v } else { *v }).max().unwrap_or(0);
            let bits = 65 - most.leading_zeros();
            prop_assert_eq!(column.cells.bytes_each(), (bits as usize).div_ceil(8).next_power_of_two());
            prop_assert!(column.heap_bytes() >= want.len() * column.cells.bytes_each());
        }

        #[test]
        fn codes_and_quantities_come_back(codes in prop::collection::vec(any::<u16>(), 0..20), units in prop::collection::vec(any::<i32>(), 0..20)) {
            prop_assert_eq!(codes.iter().copied().collect::<Column<u16>>().iter().collect::<Vec<_>>(), codes);
            prop_assert_eq!(units.iter().copied().collect::<Column<i32>>().iter().collect::<Vec<_>>(), units);
        }
    }

    #[test]
    fn a_missing_code_takes_one_byte() {
        let codes: Column<u16> = [3, crate::history::NO_CODE, 0].into_iter().collect();
        assert_eq!(codes.cells.bytes_each(), 1);
        assert_eq!(codes.at(1), crate::history::NO_CODE);
    }
}
