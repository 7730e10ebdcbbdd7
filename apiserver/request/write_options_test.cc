#include "apiserver/request/write_options.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(WriteOptions, AreMoreThanTheDefaultExactlyWhereTheirDocumentIs) {
  const Json none = OptionsDocument(WriteOptions(), "CreateOptions");
  constexpr FieldValidation kValidations[] = {FieldValidation::kIgnore, FieldValidation::kWarn,
                                              FieldValidation::kStrict};
  int defaults = 0;
  for (const FieldValidation validation : kValidations) {
    for (const char* manager : {"", "me"}) {
      for (int bits = 0; bits < 8; ++bits) {
        const WriteOptions options{.dry_run = (bits & 1) != 0,
                                   .field_manager = manager,
                                   .validation = validation,
                                   .force = (bits & 2) != 0,
                                   .is_apply = (bits & 4) != 0};
        const Json document = OptionsDocument(options, "CreateOptions");
        const auto more = MoreThanDefault(options, "CreateOptions");
        EXPECT_EQ(more.has_value(), document != none) << document;
        EXPECT_EQ(more.value_or(none), document);
        defaults += more ? 0 : 1;
      }
    }
  }
  EXPECT_EQ(defaults, 4) << "of those that say nothing of applying";
}

}  // namespace
}  // namespace skiff
