// Formats of strings, held against what those of Kubernetes say of odd values.
#include "api/crd/formats.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "base/source_root.h"

namespace skiff::crd {
namespace {

Json ReadOddValues() {
  std::ifstream in(std::string(kSourceRoot) + "/api/crd/testdata/formats.json");
  std::stringstream text;
  text << in.rdbuf();
  auto read = ParseJson(text.str());
  return read ? *std::move(read) : Json();
}

// testdata/formats.json is what kube-openapi's strfmt answers (of v1.35.6, built by its Go 1.25).
TEST(FormatsTest, OddValuesAreJudgedAsKubernetesJudgesThem) {
  const Json formats = ReadOddValues();
  ASSERT_EQ(formats.size(), 26u);
  size_t played = 0;
  for (const auto& [format, values] : formats.items()) {
    EXPECT_EQ(KnownFormat(format), format);
    for (const Json& value : values["has"]) {
      EXPECT_TRUE(HasFormat(format, value.get<std::string>())) << format << " " << value;
    }
    for (const Json& value : values["lacks"]) {
      EXPECT_FALSE(HasFormat(format, value.get<std::string>())) << format << " " << value;
    }
    played += values["has"].size() + values["lacks"].size();
  }
  EXPECT_EQ(played, 1082u);
}

// The error stream is nobody's but the operator's.
TEST(FormatsTest, LongTextsAreToldOfToNobody) {
  testing::internal::CaptureStderr();
  std::string labels;
  for (int i = 0; i < 100; ++i) {
    labels += static_cast<char>('a' + i % 26);
    labels += "-\xc3\xa9.";
    (void)HasFormat("hostname", labels.substr(0, 250) + "com");
  }
  (void)HasFormat("byte", std::string(1 << 20, 'A') + "é");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(FormatsTest, HostnamesAreBoundedByLabelsAndAsAWhole) {
  const std::string label(63, 'x');
  EXPECT_TRUE(HasFormat("hostname", label + ".com"));
  EXPECT_FALSE(HasFormat("hostname", label + "x.com"));
  EXPECT_FALSE(HasFormat("hostname", label + "." + label + "." + label + "." + label + ".com"));
}

}  // namespace
}  // namespace skiff::crd
