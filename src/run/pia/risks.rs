//! What members can ask for, the risks, and what stands against each.

use super::Statement;
use crate::{input::contract::Table, job::Job};

/// What members can ask for.
pub(super) fn rights(job: &Job) -> Vec<Statement> {
    let name = job.name();
    let has = |table| job.inputs().has(table);
    let by_table = |there: bool, zh: &str, en: &str| {
        if there {
            (zh.to_owned(), en.to_owned())
        } else {
            (format!("{zh}（本任务没有这张表）"), format!("{en} (this job does not name that table)"))
        }
    };
    vec![
        Statement::new(
            "explanation",
            ("要求说明（第二十四、四十八条）", "explanation (PIPL 24, 48)"),
            (
                format!("`nextoffer explain` 给出任务 {name} 对该会员的特征、分群、标签规则、每项优惠的得分或拒绝原因"),
                format!(
                    "`nextoffer explain` tells what job {name} knows of a member: features, segment, the rule of each tag, each \
                     offer with its score or the rule that refused it"
                ),
            ),
        ),
        Statement::new(
            "opt_out",
            ("拒绝个性化（第二十四条）", "refusal of personalisation (PIPL 24)"),
            by_table(
                has(Table::Consent),
                "`consent.personalisation_opt_out`：会员得到与其他拒绝者相同的通用清单，不分群、不打标签，`basis = generic`",
                "`consent.personalisation_opt_out`: the member gets the one generic list, no segment, no tag, `basis = generic`",
            ),
        ),
        Statement::new(
            "withdrawal",
            ("撤回同意（第十五条）", "withdrawal (PIPL 15)"),
            by_table(
                has(Table::Consent),
                "`consent.withdrawn_at`：不进入拟合与产出；发布前再查一次；下一次增量移除其标签",
                "`consent.withdrawn_at`: out of the fit and of every output; read once more right before publishing; the next \
                 delta removes the tags",
            ),
        ),
        Statement::new(
            "tags",
            ("删除标签（算法推荐管理规定第十七条）", "removal of tags (Algorithm Provisions 17)"),
            by_table(
                has(Table::SuppressedTags),
                "`suppressed_tags`：被删除的标签不再给出，产出中相应字段留空",
                "`suppressed_tags`: a removed tag is never given again, and what it says is left blank in every file",
            ),
        ),
        Statement::new(
            "deletion",
            ("删除（第四十七条）", "deletion (PIPL 47)"),
            (
                "`nextoffer forget`：从全部已发布的文件、模型与状态中删除，以后的输入中再出现也不处理，清单留下删除记录",
                "`nextoffer forget`: removed from every published file, model and state, left out of later inputs too, and \
                 recorded in the manifests",
            ),
        ),
    ]
}

/// Risks and measures.
pub(super) fn risks(job: &Job) -> Vec<Statement> {
    let (decision, keep_days) = (&job.offers().decision, job.output().keep_days);
    let mut contact = format!("拒绝后 {} 天不再给，渠道须经同意", decision.refused_days);
    let mut contact_en =
        format!("what was refused rests for {} days; only channels the member agreed to", decision.refused_days);
    if let Some(max) = decision.contacts.max {
        contact.push_str(&format!("，{} 天内至多触达 {max} 次", decision.contacts.max_days));
        contact_en.push_str(&format!("; at most {max} contacts in {} days", decision.contacts.max_days));
    }
    let statement = |code, about: (&str, &str), says: (&str, &str)| Statement::new(code, about, says);
    vec![
        statement(
            "price_discrimination",
            ("大数据杀熟", "differences in price by willingness to pay"),
            (
                "面值固定；以价格敏感度、促销偏好为条件的优惠金额在检查时即被拒绝，含经由自定义特征和规则分群的间接引用",
                "face values are fixed; money off that depends on price sensitivity or interest in discounts is refused by \
                 `check`, by way of the job's own features and of segments by rule too",
            ),
        ),
        statement(
            "inference",
            ("推断敏感信息", "inference of sensitive information"),
            (
                "禁用品类从不作为特征、优惠、标签与理由；自定义 SQL 特征列入待判断事项",
                "denied categories are never a feature, an offer, a tag or a reason; features in SQL are listed for people to \
                 judge",
            ),
        ),
        statement(
            "disclosure",
            ("文案泄露他人信息", "sentences that disclose"),
            (
                "文案只由该会员自己的证据、商品名和目录文字组成；不含其他会员的数据",
                "sentences are made of the member's own evidence, names of items and the catalogue's words; nothing of other \
                 members is in them",
            ),
        ),
        statement(
            "leak",
            ("泄露（第五十一条）", "leaks (PIPL 51)"),
            (
                "产出文件权限 0640、目录 0750；日志、指标与血缘事件不含会员编号；密钥只来自环境变量或文件，不写入任务",
                "files are 0640 and folders 0750; logs, metrics and lineage name no member; secrets come from the environment or \
                 from files, never from the job",
            ),
        ),
        statement(
            "minors",
            ("未成年人（第二十八、三十一条）", "minors (PIPL 28, 31)"),
            (
                "未满最低年龄且无监护人同意的不进入拟合、分群、标签与优惠",
                "below the minimum age and without a guardian's consent, nobody is in the fit, a segment, a tag or an offer",
            ),
        ),
        Statement::new("pressure", ("过度打扰", "too many contacts"), (contact, contact_en)),
        statement(
            "error",
            ("决定有误", "wrong decisions"),
            (
                "同一任务与输入得到逐字节相同的结果；每行有理由与证据；`rollback` 回到之前的运行",
                "the same job and inputs give the same bytes; each row has a reason and its evidence; `rollback` goes back to an \
                 earlier run",
            ),
        ),
        Statement::new(
            "retention",
            ("留存过久（第十九条）", "kept too long (PIPL 19)"),
            (
                format!("`nextoffer prune` 删除比最新一次早 {keep_days} 天以上的运行（`output.keep_days`）"),
                format!(
                    "`nextoffer prune` deletes runs more than {keep_days} days older than the newest (`output.keep_days`)"
                ),
            ),
        ),
    ]
}
