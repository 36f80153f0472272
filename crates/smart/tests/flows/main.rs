//! The endpoints of the authorization server as their callers meet them, on each store. Names of tests carry the ids of the
//! requirements that they show; `docs/smart.md` lists them.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panic"
)]

mod access_reviews;
mod accounts;
mod answers;
mod app_state;
mod apps;
mod asks;
mod authorize;
mod break_glass;
mod browser;
mod charges;
mod client_forms;
mod client_proof;
mod client_rights;
mod computers;
mod consents;
mod demo;
mod discovery;
mod fapi;
mod granular_choice;
mod house;
mod known_browser;
mod launch;
mod limits;
mod people;
mod picker;
mod purposes;
mod refresh;
mod registry;
mod revocation;
mod sender;
mod sessions;
mod systems;
mod token;
mod upstream;

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
    access_reviews::c14_a_review_holds_what_is_in_force,
    access_reviews::c14_what_is_revoked_ends_at_once,
    access_reviews::c14_what_is_kept_can_be_revoked_until_the_deadline,
    access_reviews::c14_at_the_deadline_what_was_kept_stays,
    access_reviews::c14_the_deadline_suspends_what_nobody_decided_once,
    access_reviews::c14_what_a_process_left_behind_is_carried_out,
    access_reviews::c14_the_evidence_is_signed_by_the_log,
    access_reviews::c14_who_may_not_is_refused_and_recorded,
    demo::systems_sign_in_with_the_keys_that_were_made,
    demo::people_have_a_password_and_a_second_factor,
    demo::another_start_changes_nothing,
    app_state::s110_an_app_keeps_reads_changes_and_deletes,
    app_state::s110_a_change_names_the_current_version,
    app_state::s110_what_is_no_state_is_refused,
    app_state::s110_scopes_say_whose_state_and_which_code,
    app_state::s111_each_client_has_its_own,
    app_state::s111_it_is_no_part_of_a_record,
    consents::c23_a_patient_keeps_something_private_and_withdraws_it,
    consents::c23_a_form_says_what_is_missing,
    consents::c1_consents_are_given_at_ones_own_page_only,
    consents::r22_a_review_is_closed_with_what_was_found,
    discovery::s1_to_s9_the_configuration_says_what_is_served,
    discovery::s9_each_listed_scope_is_granted_to_somebody,
    discovery::s14_both_documents_agree,
    discovery::s15_keys_are_public_and_distinct,
    discovery::s15_an_exchange_of_keys_is_recorded,
    discovery::s15_nodes_agree_on_keys_and_rotation_loses_no_token,
    discovery::s85_the_style_has_known_members_and_an_address_of_its_own,
    discovery::s85_another_look_has_another_address,
    discovery::s112_the_timestamp_is_when_something_else_was_last_said,
    authorize::s17_get_and_post_lead_to_a_code,
    authorize::s17_a_form_from_another_site_finds_who_is_signed_in,
    authorize::s37_without_a_passkey_there_is_a_way_on,
    authorize::s18_the_audience_is_this_server_to_the_letter,
    authorize::s19_s20_pkce_is_s256_or_nothing,
    authorize::s21_state_is_needed_and_comes_back,
    authorize::s22_s23_who_is_unknown_gets_a_page,
    authorize::s24_s36_other_ways_are_not_taken,
    authorize::s28_s29_launch_and_its_scope_belong_together,
    authorize::s30_no_page_is_passed_over_and_forms_are_ours,
    authorize::s31_whoever_says_no_gives_nothing,
    authorize::s32_unknown_scopes_are_dropped,
    authorize::s33_the_page_says_what_is_asked,
    authorize::s86_a_role_that_is_not_understood_is_left_out,
    granular_choice::s34_parts_are_granted_in_place_of_the_whole,
    granular_choice::s34_each_of_eight_parts_is_offered_and_granted_alone,
    authorize::s35_pushed_requests_are_used_once,
    authorize::s37_silence_needs_a_session_and_an_agreement,
    authorize::s37_a_fresh_sign_in_can_be_asked_for,
    authorize::s38_authorizations_side_by_side_do_not_mix,
    picker::s83_the_picker_shows_whom_the_user_may_see,
    picker::s83_the_picker_goes_by_names_page_by_page,
    token::s39_s40_the_answer_has_its_members,
    token::s27_a_code_used_twice_takes_everything_back,
    token::s26_a_code_lives_a_minute,
    token::s26_two_at_once_get_one_token,
    token::s41_the_verifier_must_fit,
    token::s42_s43_s44_a_code_is_its_clients_own,
    token::s45_s46_s47_clients_prove_themselves_as_registered,
    token::s48_s51_s63_malformed_requests_are_told_why,
    token::s49_a_long_scope_leaves_the_token_short,
    token::s50_no_secret_is_recorded,
    token::s87_s88_s89_the_id_token_tells_who_the_user_is,
    refresh::s90_offline_access_lives_for_months,
    refresh::s90_online_access_dies_with_the_session,
    refresh::s91_scope_can_shrink_and_not_grow,
    refresh::s92_a_used_token_ends_the_family,
    refresh::s92_x58_of_two_at_once_one_wins_and_the_family_ends,
    refresh::s93_a_refresh_token_is_its_clients_own,
    refresh::s93_a_public_client_need_not_name_itself,
    refresh::s94_who_is_no_longer_who_they_were_gets_nothing,
    systems::s52_both_algorithms_and_no_other,
    systems::s53_s54_claims_are_checked,
    systems::s55_an_assertion_is_used_once_on_every_node,
    systems::s56_s57_s58_keys_by_url,
    systems::s60_no_key_is_taken_from_the_header,
    systems::s61_a_system_gets_what_it_is_registered_for,
    systems::s62_a_secret_is_not_for_systems,
    systems::c17_addresses_and_reviews_bind,
    systems::c17_use_is_noted_to_the_hour,
    sender::s106_a_token_is_bound_to_its_key,
    sender::s104_a_challenge_is_of_the_scheme_that_was_used,
    sender::s106_a_proof_is_used_once_on_every_node,
    sender::s107_a_token_is_bound_to_its_certificate,
    fapi::s108_fapi_is_one_switch,
    fapi::s108_an_assertion_is_for_the_issuer_and_nobody_else,
    fapi::s108_s52_signatures_are_those_of_the_profile,
    fapi::s108_a_refresh_token_stays_good,
    fapi::s108_s87_x54_id_tokens_are_signed_as_the_client_may_check,
    sender::s106_what_was_used_is_forgotten_as_fast_as_it_comes,
    sender::s106_a_pushed_request_names_the_key_that_signs,
    sender::s92_a_confidential_client_may_change_its_key,
    sender::s92_grace_is_for_the_holder_of_the_key,
    purposes::r12_c23_a_token_is_for_what_client_and_user_are_for,
    purposes::c23_what_is_asserted_needs_the_client_and_a_role,
    purposes::c23_a_client_for_another_purpose_gets_nothing_clinical,
    purposes::c23_a_pushed_request_is_judged_at_once,
    purposes::c23_a_launch_says_what_it_is_for,
    purposes::c23_a_service_is_for_what_it_is_registered_for,
    purposes::c23_c17_purposes_are_set_on_the_page_and_hold_at_once,
    purposes::c23_s117_a_registration_asks_for_purposes,
    purposes::c23_silence_needs_an_agreement_for_the_same_purpose,
    purposes::c23_a_current_role_is_one_of_the_rota,
    launch::s83_s84_an_ehr_gives_context,
    launch::s28_a_launch_is_used_once_and_by_its_user,
    launch::only_an_ehr_launches,
    launch::s28_an_ehr_names_its_user_by_url_too,
    launch::s30_an_ehr_that_is_registered_so_frames_the_pages_of_its_launches,
    revocation::s96_s97_a_token_is_told_to_its_client,
    revocation::s98_s99_others_learn_nothing,
    revocation::s99_known_and_unknown_are_not_told_apart,
    revocation::s100_revoked_is_revoked_everywhere,
    revocation::s100_a_clock_that_runs_ahead_saves_no_token,
    revocation::at17a_a_full_list_of_tokens_leaves_the_kill_switch,
    revocation::s102_a_revocation_survives_and_is_read_by_others,
    apps::s101_a_person_sees_and_ends_what_apps_may_do,
    apps::s101_stopping_an_app_leaves_none_of_many_grants,
    registry::s117_registration_is_off_and_then_pending,
    registry::at17a_a_suspended_client_is_dead_everywhere,
    registry::x63_stolen_keys_are_replaced,
    registry::s117_what_waits_for_approval_fetches_nothing_and_ends,
    registry::s117_one_network_does_not_fill_the_list,
    registry::what_administrators_decide_is_on_record,
    registry::the_registry_is_for_administrators,
    limits::c17_budgets_are_set_on_the_page_and_hold_everywhere,
    limits::c17_limits_that_will_not_do_change_nothing,
    limits::c17_a_change_of_limits_is_recorded,
    limits::c17_a_certificate_binds_a_client_and_its_tokens,
    limits::c17_only_what_has_a_server_is_bound_to_places,
    limits::c17_the_page_says_all_that_is_registered,
    client_forms::c17_who_answers_for_a_client_is_changed_on_its_page,
    client_rights::c17_a_narrower_ceiling_cuts_what_was_granted,
    client_rights::c17_no_token_of_before_outlives_a_change,
    client_rights::c17_s22_nothing_goes_to_an_address_that_was_taken_away,
    client_rights::c17_l3_whose_a_client_is_and_what_it_sees_holds_at_once,
    client_rights::c17_s61_a_service_acts_for_whom_its_page_says,
    client_rights::c17_s99_who_may_ask_about_every_token_is_set_on_the_page,
    client_proof::c17_s106_tokens_are_bound_to_a_key_from_then_on,
    client_proof::c17_s107_a_certificate_takes_the_place_of_a_secret,
    client_proof::c17_s108_the_fapi_profile_is_set_on_the_page,
    client_proof::c17_a_secret_is_exchanged,
    client_proof::c17_keys_are_exchanged,
    client_proof::c17_s58_an_address_of_keys_is_exchanged,
    client_forms::c17_what_will_not_do_is_named_at_its_field_and_changes_nothing,
    client_rights::c17_s30_an_ehr_says_where_its_launches_are_shown,
    registry::an_administrator_says_which_client_is_an_ehr,
    charges::x74_who_proves_who_they_are_pays,
    charges::x74_to_name_a_client_costs_it_nothing,
    charges::x74_who_has_nothing_left_waits_and_changes_nothing,
    people::c7_an_invited_person_has_two_factors_before_anything_opens,
    people::at7a_a_password_alone_gets_no_code,
    people::at7b_a_code_passes_once,
    people::at7d_x59_guessing_is_slow_and_never_shuts_out,
    people::at7d_x78_a_shared_address_is_not_locked_out,
    people::a_reset_ends_what_apps_were_allowed,
    known_browser::at7d_x78_an_attacker_with_many_addresses_does_not_keep_the_owner_out,
    known_browser::x78_only_two_factors_make_a_browser_known,
    known_browser::x78_known_browsers_are_few_and_end,
    known_browser::x78_a_reset_forgets_every_browser,
    people::at22_nobody_learns_who_has_an_account,
    sessions::at5a_a_shared_computer_has_one_person_at_a_time,
    sessions::c5_apps_go_on_through_a_fresh_sign_in_and_end_with_it,
    sessions::at5c_what_apps_hold_ends_with_an_idle_session,
    sessions::at5a_nobody_is_signed_out_from_afar,
    sessions::at5a_who_takes_over_is_there_and_has_two_factors,
    computers::at5a_staff_sets_a_browser_up_as_a_shared_computer,
    computers::at5a_a_computer_that_is_removed_is_none,
    computers::at5a_computers_have_bounds_and_are_forgotten,
    computers::at5c_a_computer_ends_what_idles_whoever_set_it_up,
    sessions::at5c_who_is_away_is_signed_out,
    break_glass::r22_a_person_opens_one_record_at_our_page,
    break_glass::r22_the_second_factor_is_shown_just_before,
    break_glass::t25_who_has_no_right_opens_nothing,
    break_glass::r22_an_app_asks_for_its_user,
    people::x56_forms_and_cookies_are_of_one_browser,
    sessions::sessions_end_one_by_one_and_by_signing_out,
    people::accounts_are_for_administrators,
    accounts::accounts_come_page_by_page,
    people::at7d_the_first_code_is_guessed_slowly,
    upstream::an_app_gets_whoever_signed_in_at_the_provider,
    upstream::c7_one_factor_there_needs_another_here,
    upstream::s37_a_fresh_sign_in_is_asked_of_the_provider,
    upstream::what_the_installation_wants_is_asked,
    upstream::s15_a_provider_may_change_its_keys,
    upstream::s50_no_secret_of_the_provider_is_recorded,
    upstream::x56_a_sign_in_there_is_of_one_browser_and_comes_back_once,
    upstream::x56_two_that_come_back_at_once_are_one,
    upstream::x56_only_our_own_page_begins,
    upstream::an_id_token_that_does_not_fit_lets_nobody_in,
    upstream::x56_an_answer_of_another_issuer_is_refused,
    upstream::x56_a_provider_that_names_itself_does_so_always,
    upstream::x80_a_provider_that_is_down_is_said_to_be,
    upstream::a_provider_that_speaks_for_another_is_none,
    upstream::whoever_says_no_there_is_not_signed_in,
    upstream::nobody_takes_an_account_over_by_its_name,
    upstream::a_new_person_has_a_readable_name,
    upstream::an_unknown_person_is_refused_until_linked,
    upstream::administrators_link_and_unlink,
    upstream::whoever_was_suspended_here_stays_so,
    upstream::s94_roles_are_those_of_the_last_sign_in,
    upstream::what_the_provider_does_not_decide_stays,
);
