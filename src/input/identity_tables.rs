//! The tables that CRM targets key on: members' ids in other systems, and ids of tags.

use super::{
    InputError, Reason, TableInput,
    accounting::{LostRow, Problem, RowCounts},
    side_rows::{SideContext, read_side},
};

/// One row of the identities table.
#[derive(Debug, Clone, Copy)]
pub struct IdentityOf<'a> {
    /// The member.
    pub member_id: &'a str,
    /// The system.
    pub system: &'a str,
    /// The member's id in it.
    pub external_id: &'a str,
    /// The employee whose customer the member is.
    pub employee: Option<&'a str>,
    /// Another member id of the same person: the account this one was merged into.
    pub same_as: Option<&'a str>,
}

/// Reads the identities table row by row.
///
/// # Errors
/// If a file cannot be read.
pub fn read_identities(
    input: &TableInput,
    context: &SideContext<'_>,
    mut each: impl FnMut(&IdentityOf<'_>),
) -> Result<((), RowCounts, Vec<LostRow>), InputError> {
    let (counts, lost) = read_side(input, context, |row| {
        each(&IdentityOf {
            member_id: row.text("member_id").ok_or((Reason::NoMember, Problem::None))?,
            system: row.required("system")?,
            external_id: row.required("external_id")?,
            employee: row.text("employee"),
            same_as: row.text("same_as"),
        });
        Ok(())
    })?;
    Ok(((), counts, lost))
}

/// The id of a tag in a system: system, tag, id.
pub type TagId = [String; 3];

/// Reads the ids that target systems have for tags.
///
/// # Errors
/// If a file cannot be read.
pub fn read_tag_ids(
    input: &TableInput,
    context: &SideContext<'_>,
) -> Result<(Vec<TagId>, RowCounts, Vec<LostRow>), InputError> {
    let mut ids = Vec::new();
    let (counts, lost) = read_side(input, context, |row| {
        let text = |name| row.required(name).map(str::to_owned);
        ids.push([text("system")?, text("tag")?, text("target_id")?]);
        Ok(())
    })?;
    Ok((ids, counts, lost))
}
