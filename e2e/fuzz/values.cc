// The small texts that stand in fields: amounts, times, addresses, schedules, names of images. What
// was read and is written again reads as the same.
#include "api/values.h"

#include <limits>

#include "api/cel/conversions.h"
#include "api/rules/core/image_reference.h"
#include "api/rules/core/ip.h"
#include "api/rules/workloads/job_indexes.h"
#include "api/text/cron_schedule.h"
#include "api/text/human_duration.h"
#include "api/text/time_text.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

void CheckQuantity(std::string_view text) {
  const auto read = Quantity::Parse(text);
  if (!read) return;
  const auto again = Quantity::Parse(read->Text());
  CHECK(again.has_value());
  CHECK(again->Text() == read->Text());
  CHECK(*again == *read);
  CHECK((-*read).IsZero() == read->IsZero());
  CHECK((*read - *read).IsZero());
  // Nobody pays with more than he has: a sum is no less than what both have in it.
  CHECK(*read < Quantity() || *read + *read >= *read);
  CHECK(read->MilliValue() == 0 || !read->IsZero());
  (void)read->RoundedUpToMilli().Text();
}

void CheckTimes(std::string_view text) {
  for (const TimeForm form : {TimeForm::kSeconds, TimeForm::kMicro}) {
    const auto instant = ParseInstant(text, form);
    if (!instant) continue;
    CHECK(instant->nanos >= 0 && instant->nanos < 1'000'000'000);
    const auto again = ParseInstant(FormatInstant(*instant, form), form);
    CHECK(again.has_value());
    CHECK(again->seconds == instant->seconds);
    const Time time(*instant);
    (void)time.point();
    (void)time.PlusSeconds(std::numeric_limits<int64_t>::max());
    (void)time.PlusSeconds(std::numeric_limits<int64_t>::min());
  }
  if (const auto duration = ParseGoDuration(text)) {
    CHECK(ParseGoDuration(FormatGoDuration(*duration)) == *duration);
    (void)HumanDuration(Duration(*duration));
  }
  (void)cel::ReadDuration(text);
  (void)cel::ReadTimestamp(text);
}

void CheckAddresses(std::string_view text) {
  const auto address = ParseIp(text);
  CHECK(address.has_value() == LegacyIpErrors(text).empty());
  CHECK(address || !StrictIpErrors(text).empty());
  if (address) {
    CHECK(ParseIp(address->Text()) == address);
    CHECK(StrictIpErrors(address->Text()).empty());
    (void)IsGlobalUnicast(*address);
  }
  const auto block = ParseCidr(text);
  CHECK(block.has_value() == LegacyCidrErrors(text).empty());
  if (!block) return;
  CHECK(block->Contains(block->address) && block->Contains(block->Network()));
  const Cidr network{block->Network(), block->prefix_length};
  CHECK(StrictCidrErrors(network.Text()).empty());
  (void)LegacyCidrWarnings(FieldPath("spec"), text);
}

void CheckSchedule(std::string_view text) {
  const auto schedule = CronSchedule::Parse(text);
  if (!schedule) {
    CHECK(!schedule.error().message.empty());
    return;
  }
  if (schedule->every() != 0ns) {
    CHECK(schedule->every() >= 1s);
    return;
  }
  const std::chrono::local_time<std::chrono::minutes> begin{std::chrono::minutes(28'000'000)};
  const auto next = schedule->Next(begin);
  CHECK(next == begin || (next > begin && schedule->Matches(next)));
}

void CheckNames(std::string_view text) {
  (void)ImageTag(text);
  if (const auto image = ParseImageName(text)) {
    const auto again = ParseImageName(image->Text());
    CHECK(again.has_value());
    CHECK(again->Text() == image->Text());
  }
  if (const auto indexes = ParseIndexes(text, 1000)) CHECK(CountIndexes(*indexes) <= 1000);
}

}  // namespace

void Values(std::string_view bytes) {
  // A field of more is refused by others.
  if (bytes.size() > 4096) return;
  CheckQuantity(bytes);
  CheckTimes(bytes);
  CheckAddresses(bytes);
  CheckSchedule(bytes);
  CheckNames(bytes);
}

}  // namespace skiff::fuzz
