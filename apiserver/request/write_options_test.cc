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

// As of kube-apiserver, whose options hold that a text is there, whatever it says.
TEST(DeleteOptions, APolicyThatIsGivenEmptyIsNone) {
  http::Request request;
  request.query.emplace_back("propagationPolicy", "");
  const std::string unsupported =
      "propagationPolicy: Unsupported value: \"\": supported values: \"Foreground\", "
      "\"Background\", \"Orphan\", \"nil\"";
  const auto alone = ParseDeleteOptions(request, "", "v1");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().message, "DeleteOptions.meta.k8s.io \"\" is invalid: " + unsupported);
  request.query.emplace_back("orphanDependents", "true");
  const auto both = ParseDeleteOptions(request, "", "v1");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().message,
            "DeleteOptions.meta.k8s.io \"\" is invalid: [propagationPolicy: Invalid value: \"\": "
            "orphanDependents and deletionPropagation cannot be both set, " +
                unsupported + "]");
}

}  // namespace
}  // namespace skiff
