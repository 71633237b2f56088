// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_record.hpp"

#include <gmock/gmock.h>

#include "actors/audit/utc_time.hpp"

namespace troupe::actors {
namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;
using ::testing::HasSubstr;
using ::testing::Not;

system_clock::time_point at(std::int64_t us) {
  return system_clock::time_point{} + microseconds(us);
}

TEST(UtcTime, is_rfc_3339_with_microseconds) {
  EXPECT_EQ(rfc3339(at(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(at(1'787'397'052'000'042)), "2026-08-22T11:10:52.000042Z");
  EXPECT_EQ(rfc3339(at(951'782'399'999'999)), "2000-02-28T23:59:59.999999Z");
  EXPECT_EQ(rfc3339(at(951'782'400'000'000)), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(at(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(AuditRecord, text_from_a_client_stays_one_line_of_valid_json_in_its_own_field) {
  AuditRecord record = AuditRecord::opened({}, at(0));
  record.client_request_id =
      std::string("\",\"kind\":\"closed\\\r\n\x1b[31m") + '\0' + "\x7f\xE2\x80\xA8 é 漢 x\xC3(";
  EXPECT_THAT(
      audit_fields(record),
      HasSubstr(R"("client_request_id":"\",\"kind\":\"closed\\\r\n\u001b[31m\u0000\u007f\u2028 é 漢 x)"
                "\xEF\xBF\xBD(\",\"tenant\""));
}

TEST(AuditRecord, an_opened_record_names_who_asked_what_of_which_model) {
  RequestOpened opened;
  opened.id = {0x0123456789abcdef, 0x42};
  opened.client_request_id = "trace-1\r\nforged: yes";
  opened.tenant = "lab";
  opened.model = "SmolLM2";
  opened.fingerprint = "fp_1";
  opened.choices = 2;
  opened.prompt_tokens = 31;
  opened.max_tokens = 64;
  EXPECT_EQ(
      audit_fields(AuditRecord::opened(opened, at(1'000'000))),
      R"("time":"1970-01-01T00:00:01.000000Z","kind":"opened","request":"0123456789abcdef0000000000000042",)"
      R"("client_request_id":"trace-1\r\nforged: yes","tenant":"lab","model":"SmolLM2","fingerprint":"fp_1",)"
      R"("prompt_tokens":31,"choices":2,"max_tokens":64)");
}

TEST(AuditRecord, a_closed_record_has_counts_reasons_and_exact_times) {
  RequestClosed closed;
  closed.id = {0, 1};
  closed.client_request_id = "c";
  closed.summary.prompt_tokens = 5;
  closed.summary.completion_tokens = 7;
  closed.summary.finish_reasons = {"stop", "length"};
  closed.summary.ttft_microseconds = 12'045;
  closed.summary.duration_microseconds = 3'000'000'000'009;
  const std::string fields = audit_fields(AuditRecord::closed(closed, at(0)));
  EXPECT_THAT(fields,
              HasSubstr(R"("completion_tokens":7,"finish_reasons":["stop","length"],"ttft_ms":12.045,)"));
  EXPECT_THAT(fields, HasSubstr(R"("duration_ms":3000000000.009)"));
  EXPECT_THAT(fields, Not(HasSubstr("error")));
  closed.summary.error = "worker lost";
  EXPECT_THAT(audit_fields(AuditRecord::closed(closed, at(0))), HasSubstr(R"("error":"worker lost")"));
}

TEST(AuditRecord, the_prompt_is_written_only_when_it_was_asked_for) {
  AuditRecord record = AuditRecord::opened({}, at(0));
  EXPECT_THAT(audit_fields(record), Not(HasSubstr("\"prompt\"")));
  record.prompt = "my \"secret\"";
  EXPECT_THAT(audit_fields(record), HasSubstr(R"("prompt":"my \"secret\"")"));
}

TEST(AuditRecord, a_start_names_process_generation_and_version) {
  AuditRecord record;
  record.kind = AuditKind::started;
  record.pid = 17;
  record.generation = 1U << 20U;
  record.detail = "0.1.0";
  EXPECT_EQ(
      audit_fields(record),
      R"("time":"1970-01-01T00:00:00.000000Z","kind":"started","pid":17,"generation":1048576,"detail":"0.1.0")");
}

}  // namespace
}  // namespace troupe::actors
