//! What every store must do, run against each of them.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a random test prints its seed; a test fails by panic"
)]

mod access;
mod filed;
mod follow;
mod generations;
mod guards;
mod homes;
mod hops;
mod identity;
mod lifecycle;
mod masked;
mod names;
mod oracle;
mod place;
mod plans;
mod policies;
mod record_pages;
mod records;
mod removed;
mod rotation;
mod search;
mod state;
mod statements;
mod texts;
mod tree;
mod versions;
mod visibility;
mod walks;
mod wide;

/// Each test once per store.
macro_rules! on_both {
    ($($chapter:ident :: $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::$chapter::$name(crate::place::Place::sqlite()).await })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::$chapter::$name(crate::place::Place::postgres().await).await })*
        }
    };
}

on_both!(
    lifecycle::a_resource_is_created_read_updated_and_deleted,
    lifecycle::large_bodies_and_strange_text_come_back,
    lifecycle::reads_of_several_keep_their_order,
    lifecycle::more_patients_than_keys_in_memory_are_read,
    lifecycle::everything_survives_a_reopen,
    lifecycle::what_one_node_makes_another_finds,
    lifecycle::moving_to_another_patient_reseals_and_keeps_old_versions,
    versions::a_write_must_meet_the_version_it_expects,
    versions::of_two_updates_at_once_one_wins,
    versions::units_are_all_or_nothing,
    versions::a_failing_unit_does_not_disturb_others,
    versions::history_of_instance_type_and_system_pages_newest_first,
    versions::history_since_and_at,
    identity::client_ids_are_kept_and_found,
    identity::reserved_ids_belong_to_what_comes_later,
    identity::of_two_creates_of_one_id_one_wins,
    identity::another_master_key_is_refused,
    identity::row_ids_are_never_given_twice,
    guards::a_thousand_equal_conditional_creates_make_one,
    guards::conditional_creates_that_overlap_never_both_pass,
    guards::conditions_over_hops_never_both_pass,
    guards::a_deletion_and_a_new_reference_never_both_pass,
    guards::what_is_referenced_cannot_be_deleted,
    guards::what_is_required_must_exist,
    guards::what_is_to_stay_is_as_it_was_read,
    guards::a_condition_by_a_list_and_its_change_never_both_pass,
    generations::a_row_is_indexed_anew_without_a_version,
    generations::a_writer_of_another_generation_is_refused,
    generations::no_commit_slips_past_a_change,
    generations::indexing_anew_and_writing_do_not_disturb_each_other,
    access::a_patient_sees_only_their_compartment,
    access::a_granular_scope_bounds_every_way,
    access::pages_of_versions_are_whole,
    access::a_mask_hides_rows_everywhere,
    visibility::what_is_hidden_might_as_well_not_be_there,
    visibility::a_closed_record_might_as_well_not_be_there,
    visibility::what_is_hidden_decides_no_hop,
    masked::a_condition_holds_of_no_row_in_which_it_is_masked,
    visibility::classes_have_dense_ids_on_every_node,
    visibility::what_cannot_be_interned_is_nobodys,
    policies::no_commit_slips_past_a_policy,
    policies::what_refers_to_targets_is_found_with_its_home,
    policies::a_policy_meets_the_record_that_it_was_worked_out_for,
    policies::a_turn_is_taken_once_and_closes_what_is_late,
    access::forbidden_types_are_absent,
    access::one_type_in_reach_is_the_only_one_in_history,
    homes::rows_of_homes_are_whole_in_page_order,
    hops::random_chains_agree_with_the_oracle_for_every_caller,
    hops::a_hop_is_walked_either_way,
    search::random_filters_agree_with_the_oracle,
    search::pages_are_whole_and_without_repeats,
    search::sorting_puts_missing_values_last,
    search::several_types_at_once,
    search::many_rows_of_several_types_at_once,
    search::totals_follow_updates_and_deletes,
    search::wide_forms_find_every_code,
    search::a_code_that_is_new_is_counted_at_once,
    search::endless_searches_are_cut_off,
    wide::what_too_many_phrases_fit_is_told,
    texts::a_text_that_nobody_has_leaves,
    texts::a_text_stays_for_as_long_as_it_may_be_known,
    texts::a_text_that_is_used_again_is_found,
    wide::what_too_many_codes_of_a_tuple_fit_is_told,
    names::names_are_whole_in_page_order_however_many_match,
    walks::dates_are_whole_in_every_order,
    walks::quantities_are_whole_however_many_match,
    walks::several_codes_are_counted_and_walked_once,
    walks::what_another_process_writes_is_found_at_once,
    statements::a_batch_takes_a_constant_number,
    statements::reads_take_one,
    follow::each_comes_once_and_in_order,
    follow::one_that_is_committed_late_comes_too,
    records::random_questions_agree_with_the_oracle,
    record_pages::a_page_ends_with_its_bytes,
    record_pages::those_of_some_numbers_are_one_statement,
    records::drained_ones_are_kept_once_and_in_order,
    records::contexts_are_stored_once_over_all_nodes,
    records::nothing_changes_or_removes_one,
    records::nothing_of_one_stands_in_clear,
    records::what_cannot_be_read_is_kept_and_hides_nothing,
    records::a_changed_one_is_refused,
    records::many_contexts_are_found_however_rare,
    records::their_statements_and_steps_are_as_reviewed,
    plans::statements_and_steps_are_as_reviewed,
    rotation::everything_is_there_under_the_new_key_and_as_it_was,
    rotation::what_cannot_be_exchanged_is_left_as_it_is,
    rotation::a_process_with_the_old_key_stores_nothing_that_nobody_can_open,
    state::a_row_is_inserted_replaced_and_removed,
    state::an_expired_row_is_absent,
    state::expired_rows_are_forgotten_a_few_at_a_time,
    state::changes_are_all_or_nothing,
    state::lists_of_a_kind_and_of_an_owner_page_oldest_first,
    state::the_revision_rises_with_announced_changes_only,
    state::of_two_inserts_at_once_one_wins,
    state::of_two_changes_of_a_version_one_wins,
    state::lists_of_changes_in_any_order_do_not_stand_in_each_others_way,
    state::rows_survive_a_reopen_under_their_master_key_only,
    state::nothing_stands_in_clear,
    state::whatever_is_too_large_is_refused,
    state::questions_and_changes_take_few_statements,
    tree::a_log_is_numbered_exported_and_whole,
    tree::proofs_hold_for_every_entry_and_size,
    tree::rows_of_the_log_are_not_changed,
    tree::a_flipped_bit_is_found,
    tree::a_log_that_is_cut_or_restored_is_found,
    tree::swapped_deleted_and_inserted_records_are_found,
    tree::a_foreign_key_is_found,
    tree::a_clock_that_is_set_back_signs_nothing,
    tree::a_walk_finds_what_was_deleted_or_changed,
    tree::cosignatures_stand_below_their_checkpoint,
    filed::what_hides_a_record_is_found_and_named,
    filed::keys_without_a_record_are_found,
    filed::a_record_that_nothing_says_is_late_is_found,
    filed::of_an_untouched_log_nothing_is_told,
    filed::nothing_is_told_while_records_come_and_go,
    filed::a_part_is_compared_by_a_constant_number_of_statements,
    filed::answers_that_are_not_recorded_are_told,
    removed::what_is_over_is_taken_out_and_every_proof_holds,
    removed::a_rule_for_some_takes_out_these_alone,
    removed::what_is_scattered_over_many_runs_is_taken_out,
    removed::what_is_held_stays,
    removed::a_redaction_leaves_the_entry,
    removed::what_no_removal_names_is_found,
    removed::records_go_within_a_removal_only,
    removed::records_lie_in_partitions,
    removed::a_removal_is_done_whole_or_not_at_all,
);
