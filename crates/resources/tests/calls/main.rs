//! Calls by callers that no demo token stands for, on each store: who may write where, and what is recorded of it.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panic"
)]

mod absent;
mod actors;
mod advertised;
mod agreement;
mod attached;
mod audit_events;
mod audit_many;
mod audit_received;
mod audited;
mod beside;
mod binaries;
mod blank;
mod break_glass;
mod budgets;
mod callers;
mod canonicals;
mod codes;
mod conditions;
mod consented;
mod contained;
mod contained_pages;
mod cursors;
mod decided;
mod editions;
mod elements;
mod elements_asked;
mod elements_launched;
mod explained;
mod former;
mod full_text;
mod granular;
mod granular_writes;
mod hierarchy;
mod hospitals;
mod house;
mod indexing;
mod injection;
mod injection_stored;
mod judge;
mod labels;
mod labels_shown;
mod lastn;
mod launched;
mod links;
mod long;
mod longest;
mod misuse;
mod misuse_system;
mod named;
mod named_agents;
mod noninterference;
mod pages;
mod parameters;
mod parts;
mod parts_launched;
mod party;
mod past;
mod pinned;
mod placement;
mod purposes;
mod reads;
mod records;
mod referring;
mod reports;
mod rights;
mod shifts;
mod shrink;
mod sorts;
mod terminology;
mod veiled;
mod wide;

/// Each test once per store.
macro_rules! on_both {
    ($($chapter:ident :: $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::$chapter::$name(crate::house::House::sqlite().await).await })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(house) = crate::house::House::postgres().await {
                    crate::$chapter::$name(house).await
                }
            })*
        }
    };
}

on_both!(
    audit_received::it_is_found_by_the_time_it_says,
    audit_received::a_page_of_large_ones_is_shorter,
    audit_received::events_of_thousands_of_patients_are_paged,
    audit_received::many_ids_are_one_statement,
    audit_events::answers_are_those_of_looking_at_each,
    audit_events::a_patient_is_told_of_nobody_else,
    audit_events::an_event_is_read_by_its_id,
    audit_events::no_door_changes_one,
    audit_events::chains_lead_from_an_event,
    audit_events::reading_the_log_is_logged_and_costs_the_same,
    audit_events::those_of_a_bundle_are_looked_up_together,
    audit_events::wrong_questions_are_told_what_is_wrong,
    audit_many::the_events_of_others_are_not_looked_at,
    audit_many::others_go_on_while_many_events_are_looked_at,
    named_agents::clients_organizations_and_delegates_are_named,
    reports::reports_are_what_a_recount_says,
    reports::patients_ask_about_themselves,
    reports::t44_what_is_hidden_from_its_reader_is_in_no_report,
    reports::names_are_told_where_the_installation_tells_them,
    reports::filtered_scopes_open_no_report,
    reports::wrong_reports_are_told_what_is_wrong,
    reports::a_report_takes_as_many_statements,
    parameters::a_definition_answers_at_once_and_until_it_ends,
    parameters::another_process_learns_of_it,
    parameters::definitions_are_told,
    parameters::what_cannot_be_served_is_not_stored,
    parameters::who_is_bound_to_a_patient_defines_nothing,
    indexing::answers_are_the_same_before_and_after,
    indexing::answers_are_exact_while_it_is_built,
    indexing::a_change_and_an_end_leave_nothing_behind,
    indexing::no_answer_is_half,
    indexing::processes_agree_on_what_is_indexed,
    full_text::words_are_answered_as_by_looking,
    full_text::many_words_may_begin_alike,
    full_text::more_words_than_are_kept_are_found,
    full_text::a_word_takes_as_many_statements,
    full_text::who_may_not_see_a_word_is_not_told_by_it,
    full_text::processes_agree_on_whose_words_are_indexed,
    advertised::everything_that_is_listed_is_served,
    advertised::both_documents_list_the_same,
    blank::a_condition_without_a_value_writes_nothing,
    blank::a_search_leaves_out_what_has_no_value,
    blank::a_count_is_a_count_wherever_it_stands,
    blank::resources_tell_what_no_index_holds,
    blank::quantities_are_in_order_across_units,
    pages::pages_have_no_gap_and_no_duplicate_while_others_write,
    pages::a_page_that_was_gone_back_to_is_not_empty,
    cursors::a_cursor_tells_nothing,
    hierarchy::what_is_part_of_a_place_is_below_it,
    hierarchy::a_hierarchy_has_its_bounds,
    hierarchy::only_what_may_be_seen_leads_further,
    contained::chains_lead_into_contained_resources,
    contained::contained_resources_are_as_open_as_their_container,
    contained::a_condition_of_a_write_looks_into_no_container,
    contained::a_container_that_comes_meanwhile_ends_a_condition,
    contained_pages::a_page_holds_as_many_contained_resources_as_are_asked_for,
    contained_pages::pages_of_contained_resources_have_no_gap_and_no_duplicate_while_others_write,
    contained_pages::what_comes_with_a_page_comes_once,
    terminology::a_stored_value_set_is_found_however_it_is_written,
    terminology::of_many_versions_the_one_asked_for_is_found,
    contained::totals_count_the_contained_resources_that_are_shown,
    long::a_part_of_a_long_text_is_found,
    long::who_may_not_see_a_long_text_is_not_told_by_it,
    long::long_displays_and_uris_are_found_to_their_end,
    long::a_condition_of_a_write_looks_at_no_long_text,
    long::a_long_text_that_comes_meanwhile_ends_a_condition,
    longest::the_longest_lists_are_answered,
    wide::what_others_store_is_never_too_much,
    wide::a_wide_question_is_explained_and_whole,
    wide::what_others_store_opens_and_closes_no_gate,
    longest::the_most_parameters_are_answered,
    injection::hostile_strings_stay_values,
    injection_stored::hostile_definitions_stay_text,
    editions::a_new_store_is_of_the_newest_edition,
    editions::rows_of_an_older_store_are_brought_up,
    editions::what_was_found_is_found_while_they_are,
    editions::a_condition_takes_no_account_of_case,
    codes::case_counts_where_the_code_system_says_so,
    codes::another_case_costs_the_same,
    codes::rows_of_the_second_edition_are_brought_up,
    canonicals::a_url_may_name_a_version,
    canonicals::a_reverse_include_keeps_to_the_version,
    terminology::a_stored_value_set_is_expanded_from_what_is_held,
    named::a_named_query_is_the_query_it_stands_for,
    named::what_is_no_query_is_refused,
    named::a_definition_that_cannot_be_answered_is_not_stored,
    named::a_named_query_shows_what_its_caller_may_see,
    absent::another_patients_id_is_as_good_as_none,
    absent::a_write_stays_inside_before_and_after,
    absent::hidden_referrers_are_not_told_apart,
    absent::a_patient_who_is_gone_opens_nothing,
    placement::a_refused_write_reserves_nothing,
    placement::a_refused_transaction_reserves_nothing,
    placement::a_relative_reference_is_the_entrys_own,
    placement::a_home_by_condition_is_the_home,
    reads::a_read_sees_what_its_transaction_makes,
    reads::a_read_that_fails_fails_the_transaction,
    reads::reads_of_a_transaction_are_bounded,
    records::a_read_that_is_broken_off_is_recorded,
    records::what_was_not_understood_is_recorded_as_such,
    records::a_failed_transaction_is_recorded_as_one,
    records::each_entry_of_a_batch_has_its_record,
    records::a_refusal_names_the_patient_whom_it_was_about,
    records::a_search_is_recorded_as_it_was_asked,
    records::a_change_is_recorded_with_its_hash,
    records::a_transaction_leaves_a_record_for_each_kind_of_entry,
    records::meta_of_many_names_whose_marks_it_shows,
    records::marks_stay_in_their_order,
    rights::validating_a_deletion_takes_the_right_to_delete,
    rights::a_binary_is_as_open_as_its_context,
    attached::a_binary_is_as_closed_as_what_it_is_attached_to,
    binaries::a_closed_binary_changes_no_answer,
    binaries::a_closed_binary_meets_no_condition,
    binaries::a_chain_leads_to_no_closed_binary,
    rights::a_patch_that_changes_nothing_makes_no_version,
    rights::who_may_only_update_is_not_shown_the_rest,
    rights::a_conditional_deletion_reaches_what_both_rights_reach,
    rights::patient_scopes_of_staff_are_cut_to_the_role,
    rights::patients_have_a_policy_of_their_own,
    placement::many_entries_about_unknown_patients_take_few_statements,
    granular::s69_scopes_of_one_type_are_united,
    granular::s78_each_scope_has_its_own_context,
    granular::s70_no_way_leads_outside_the_scope,
    granular::s70_totals_are_of_what_is_seen,
    granular_writes::s71_what_is_written_stays_inside,
    granular_writes::s71_a_transaction_is_refused_as_a_whole,
    granular_writes::s71_a_reference_is_judged_as_it_is_stored,
    granular_writes::s71_to_create_by_condition_takes_both_rights,
    granular::s72_what_is_not_understood_grants_nothing,
    granular::types_without_patients_and_all_types_can_be_granular,
    budgets::at17c_a_client_sees_as_many_patients_as_its_budget_says,
    budgets::at17c_processes_share_a_budget,
    budgets::at17c_a_device_counts_for_the_patient_it_names,
    budgets::at17c_devices_take_two_statements_more,
    budgets::at17c_counting_takes_no_statement_for_each_read,
    budgets::at17c_bundles_are_counted_entry_by_entry,
    budgets::at17c_what_is_written_is_stored_and_not_shown,
    links::a_page_says_what_was_used,
    sorts::several_types_are_sorted_together,
    sorts::what_is_not_shared_is_told,
    beside::elements_are_of_the_matches,
    lastn::what_has_no_time_is_not_the_latest,
    beside::what_is_referred_to_is_of_the_types_asked_for,
    beside::what_is_referred_to_has_changed_since,
    links::a_page_of_history_is_found_again,
    links::a_version_says_what_made_it,
    former::former_versions_outside_the_scope_are_not_shown,
    former::former_versions_of_another_patient_are_not_shown,
    granular::each_page_is_decided_afresh,
    elements::a_part_is_changed_and_the_rest_stays,
    elements::a_patch_meets_what_is_seen,
    elements::a_unit_keeps_the_rest_as_well,
    elements::nothing_is_made_of_what_is_not_seen,
    elements::a_binary_of_which_a_part_is_seen_is_not_given_raw,
    elements_asked::no_way_around_tells_what_is_not_seen,
    elements_asked::no_chain_leads_into_what_is_not_seen,
    elements_asked::rows_do_not_come_in_the_order_of_a_hidden_date,
    elements_asked::scopes_by_what_is_not_seen_grant_nothing,
    elements_launched::staff_are_shown_of_a_record_what_their_role_shows,
    elements_launched::what_staff_change_of_a_record_stays_in_it,
    elements_launched::a_clerk_sees_their_own_record_as_patients_do,
    granular::granular_reads_take_as_many_statements,
    decided::a_consent_holds_for_a_patient_who_is_not_there,
    decided::a_batch_sees_what_it_has_written,
    decided::r23_a_service_is_told_that_it_deletes_no_consent,
    decided::t34_r14_an_explanation_counts_nothing_that_is_hidden,
    decided::an_account_sees_by_the_policies_that_it_comes_with,
    decided::a_search_from_which_consents_kept_something_is_a_deny,
    decided::t49_what_is_not_found_is_answered_in_steps,
    decided::t63_a_disclosure_is_recorded_with_its_consents,
    break_glass::t26_one_record_is_open_and_no_other,
    break_glass::t26_the_records_of_others_stay_closed,
    break_glass::t26_what_is_kept_of_nobodys_stays_closed,
    break_glass::t27_it_ends_and_needs_a_role_that_may,
    purposes::c23_no_role_is_left_for_another_purpose,
    purposes::r21_what_is_kept_of_a_token_is_kept_for_its_purpose,
);

/// Each test once per store, on one thread each: the clock is the thread's.
macro_rules! timed_on_both {
    ($sqlite:ident, $postgres:ident: $($chapter:ident :: $name:ident),* $(,)?) => {
        mod $sqlite {
            $(#[tokio::test]
            async fn $name() { crate::$chapter::$name(ward_testkit::Backend::Sqlite).await })*
        }
        mod $postgres {
            $(#[tokio::test]
            async fn $name() {
                if ward_testkit::backends().contains(&ward_testkit::Backend::Postgres) {
                    crate::$chapter::$name(ward_testkit::Backend::Postgres).await
                }
            })*
        }
    };
}

timed_on_both!(
    timed_on_sqlite, timed_on_postgres:
    shifts::at4_a_token_opens_nothing_between_two_shifts,
    shifts::at4_grace_is_for_handing_over,
    shifts::at4_a_change_of_the_rota_holds_at_once,
    shifts::at4_a_change_of_the_rota_is_known_everywhere_in_5_s,
    shifts::roles_of_an_account_have_no_shift_unless_they_are_bound,
    shifts::only_practitioners_have_a_rota,
    shifts::a_rota_that_is_known_costs_no_statement,
    shifts::a_rota_that_cannot_be_read_opens_nothing,
    actors::t23_a_person_of_a_department_is_of_the_organization,
    actors::r4_the_organization_of_a_client_is_one_more,
    actors::r4_teams_and_groups_count_while_they_hold,
    actors::r4_a_circle_of_organizations_ends,
    actors::a_membership_that_is_revoked_counts_no_more_in_2_s,
    actors::memberships_that_are_known_cost_no_statement,
    actors::t25_who_breaks_the_glass_acts_for_that_behind_it_alone,
    actors::memberships_that_cannot_be_read_refuse,
    actors::who_somebody_is_to_a_patient,
    actors::what_somebody_asks_for_and_is_cleared_for,
    launched::an_apps_patient_costs_no_statement,
    launched::a_deletion_of_the_patient_holds_at_once,
    launched::a_deletion_by_another_process_is_known_in_5_s,
    launched::a_patient_who_cannot_be_looked_for_opens_nothing,
);

// Many random cases.
timed_on_both!(
    random_on_sqlite, random_on_postgres:
    agreement::searches_agree_with_looking_at_everything,
    noninterference::what_may_not_be_seen_changes_no_answer,
    conditions::what_may_not_be_seen_changes_no_condition,
    consented::what_consents_hide_changes_no_answer,
    consented::what_consents_hide_changes_no_write,
    parts::elements_that_are_not_seen_change_no_answer,
    parts::elements_that_are_not_seen_change_no_write,
    parts_launched::a_launch_shows_a_part_of_one_record,
);
