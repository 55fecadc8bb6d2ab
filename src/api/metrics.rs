//! `/v1/metrics`, `/v1/metrics/groups`, `/v1/flows/{flow}/waterfall`: what ended calls amount to.
//!
//! **Invariant:** what cannot be answered is refused by name: a reversed or endless period, an
//! unknown queue, agent, dimension or zone, too many groups.
//!
//! **Deliberately absent:** figures ([`FIGURES`](crate::metrics::FIGURES)).

use std::ops::Range;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::archive::read;
use crate::api::error::ApiError;
use crate::api::feed::Cutting;
use crate::api::figures::{Cell, Report};
use crate::metrics::Judging;
use crate::metrics::cut::period::{self, PeriodText};
use crate::metrics::cut::{Asked, Attribution, CutError, Teams, buckets};
use crate::metrics::waterfall::WaterfallReport;
use crate::time::Timestamp;

/// A queue's own targets go up to this, too (`service_level_s`, `short_abandon_s`).
const JUDGED_S_MAX: u32 = 3_600;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Period {
    /// The period: 90m, 24h, 7d; today, yesterday, week or month of the zone. 24h unless told.
    last: Option<String>,
    /// Calls that ended at this time or later: 2026-11-22T08:00:00Z, or a date of the zone.
    since: Option<String>,
    /// Calls that ended before this time; now unless told.
    until: Option<String>,
    /// The time zone of dates and intervals, by its IANA name: Europe/Berlin. UTC unless told.
    tz: Option<String>,
    /// Judge the service level by this in place of what each queue promises, in seconds.
    answer_within_s: Option<u32>,
    /// Count callers who hang up sooner than this as short abandons, in place of what each queue
    /// has, in seconds.
    short_abandon_s: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Groups {
    /// The period: 90m, 24h, 7d; today, yesterday, week or month of the zone. 24h unless told.
    last: Option<String>,
    /// Calls that ended at this time or later: 2026-11-22T08:00:00Z, or a date of the zone.
    since: Option<String>,
    /// Calls that ended before this time; now unless told.
    until: Option<String>,
    /// The time zone of dates and intervals, by its IANA name: Europe/Berlin. UTC unless told.
    tz: Option<String>,
    /// As in /v1/metrics.
    answer_within_s: Option<u32>,
    /// As in /v1/metrics.
    short_abandon_s: Option<u32>,
    /// queue, agent, intent, flow, number (the dialed one), segment, or var:NAME.
    by: Option<String>,
    /// Of `by`, only this value.
    only: Option<String>,
    /// 15m, hour, day, week or month, on the clock of the zone.
    interval: Option<String>,
    /// To which interval a call belongs: that in which it ended (ended, the default), its last
    /// after-call work ended (wrap_up_end), or it arrived (arrival); or, with the times of each leg
    /// where they were spent, wrap_up_end (spread).
    attribution: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WaterfallQuery {
    /// The period: 90m, 24h, 7d; today, yesterday, week or month of the zone. 24h unless told.
    last: Option<String>,
    /// Calls that ended at this time or later: 2026-11-22T08:00:00Z, or a date of the zone.
    since: Option<String>,
    /// Calls that ended before this time; now unless told.
    until: Option<String>,
    /// The time zone of dates, by its IANA name: Europe/Berlin. UTC unless told.
    tz: Option<String>,
}

/// The figures of a period, cut.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupsReport {
    /// Milliseconds since 1970, as all times here.
    #[schema(value_type = u64)]
    pub(super) at: Timestamp,
    #[schema(value_type = u64)]
    pub(super) from: Timestamp,
    #[schema(value_type = u64)]
    pub(super) to: Timestamp,
    /// What the groups are; none where only time was asked for.
    pub(super) by: Option<String>,
    pub(super) interval: Option<String>,
    pub(super) tz: String,
    /// ended, wrap_up_end, arrival or spread.
    #[schema(value_type = String)]
    pub(super) attribution: Attribution,
    /// Calls of the period that ended before this are not all counted: their records were deleted.
    #[schema(value_type = Option<u64>)]
    pub(super) records_gone_until: Option<Timestamp>,
    /// By time, then by group.
    #[schema(value_type = Vec<Cell>)]
    pub(super) groups: Vec<crate::metrics::cut::Cell>,
}

/// The figures of a period: AHT, FCR, ASA, service level, abandonment and occupancy.
///
/// Overall, by queue and by agent; each with what it was computed from and how. Field names end in
/// their unit; a figure without anything to count is null.
#[utoipa::path(get, path = "/v1/metrics", tag = "records", security(("token" = [])),
    params(Period), responses((status = 200, body = Report), (status = 400, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn figures(
    State(api): State<Api>,
    asked: Result<Query<Period>, QueryRejection>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let judging = judging(asked.answer_within_s, asked.short_abandon_s)?;
    let said = [asked.last, asked.since, asked.until, asked.tz];
    api.figures(move |now| period_of(&said, now), judging).await.map(Json)
}

/// The figures of a period by queue, agent, team, intent, flow, number dialed, segment or variable,
/// and by intervals of local time.
///
/// A group has the figures that `/v1/metrics` has of its calls. At most 20,000 groups, 10,000
/// intervals and 500,000 calls that have to be read; more are refused.
#[utoipa::path(get, path = "/v1/metrics/groups", tag = "records", security(("token" = [])),
    params(Groups), responses((status = 200, body = GroupsReport),
        (status = 400, body = ApiError), (status = 503, body = ApiError)))]
pub(super) async fn groups(
    State(api): State<Api>,
    asked: Result<Query<Groups>, QueryRejection>,
) -> Result<Json<GroupsReport>, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let judging = judging(asked.answer_within_s, asked.short_abandon_s)?;
    let tz = asked.tz.clone().unwrap_or_else(|| "UTC".to_owned());
    let make = move |now| {
        let Groups { last, since, until, tz, by, only, interval, attribution, .. } = asked;
        let zone = zone_of(tz.as_deref())?;
        let period = period_of(&[last, since, until, tz], now)?;
        let by = by.map(|by| by.parse()).transpose().map_err(refused)?;
        let interval = interval.map(|it| it.parse()).transpose().map_err(refused)?;
        let attribution = attribution.map(|it| it.parse()).transpose().map_err(refused)?;
        if only.is_some() && by.is_none() {
            return Err(refused(CutError::OnlyOfNothing));
        }
        let buckets = buckets(&period, interval, &zone).map_err(refused)?;
        let (attribution, teams) = (attribution.unwrap_or_default(), Teams::default());
        Ok(Asked { period, by, only, teams, interval, attribution, buckets })
    };
    let Cutting { now, asked, cells } = api.cut(make, judging).await?;
    Ok(Json(GroupsReport {
        at: now,
        from: asked.period.start,
        to: asked.period.end,
        by: asked.by.map(|by| by.to_string()),
        interval: asked.interval.map(|interval| interval.to_string()),
        tz,
        attribution: asked.attribution,
        records_gone_until: cells.records_gone_until,
        groups: cells.cells,
    }))
}

/// What callers did at each step of a flow that asks for keys, and what would save them time.
///
/// From the records of the period: the keys they pressed, where they pressed nothing or something
/// that means nothing, where they hung up, and the seconds they spent. At most 500,000 calls are
/// read.
#[utoipa::path(get, path = "/v1/flows/{flow}/waterfall", tag = "records",
    security(("token" = [])), params(("flow" = String, Path), WaterfallQuery),
    responses((status = 200, body = WaterfallReport), (status = 400, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
pub(super) async fn waterfall(
    State(api): State<Api>,
    flow: Result<Path<String>, PathRejection>,
    asked: Result<Query<WaterfallQuery>, QueryRejection>,
) -> Result<Json<WaterfallReport>, ApiError> {
    let Path(flow) = flow.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let now = api.look(|_, _, now| now).await?;
    let period = period_of(&[asked.last, asked.since, asked.until, asked.tz], now)?;
    let found = read(&api, move |archive| archive.waterfall(Some(&flow), period)).await?;
    let report = found.map_err(refused)?.pop();
    let help = "GET /v1/records shows which flow a call came to";
    report.map(Json).ok_or_else(|| ApiError::not_found("a call of this flow in the period", help))
}

fn zone_of(tz: Option<&str>) -> Result<jiff::tz::TimeZone, ApiError> {
    period::zone(tz.unwrap_or("UTC")).map_err(refused)
}

/// What `last`, `since`, `until` and `tz` say.
fn period_of(
    [last, since, until, tz]: &[Option<String>; 4],
    now: Timestamp,
) -> Result<Range<Timestamp>, ApiError> {
    let zone = zone_of(tz.as_deref())?;
    let last = last.as_deref().map(period::last).transpose();
    let last = last.map_err(|help| ApiError::bad_request(format!("`last`: {help}")))?;
    let said = PeriodText { last, since: since.as_deref(), until: until.as_deref() };
    let help = "; in an address, + is written %2B";
    said.period(now, &zone).map_err(|error| {
        let is_time = error.starts_with("`since`") || error.starts_with("`until`");
        ApiError::bad_request(if is_time { error + help } else { error })
    })
}

fn judging(within_s: Option<u32>, short_s: Option<u32>) -> Result<Judging, ApiError> {
    let read = |name: &str, s: Option<u32>| match s {
        Some(s) if s > JUDGED_S_MAX => {
            Err(ApiError::bad_request(format!("`{name}` must be at most {JUDGED_S_MAX} seconds")))
        }
        s => Ok(s.map(|s| Duration::from_secs(s.into()))),
    };
    let answer_within = read("answer_within_s", within_s)?;
    let short_abandon = read("short_abandon_s", short_s)?;
    Ok(Judging { answer_within, short_abandon })
}

#[expect(clippy::needless_pass_by_value, reason = "it is what maps an error")]
fn refused(error: CutError) -> ApiError {
    ApiError::bad_request(error.to_string())
}
