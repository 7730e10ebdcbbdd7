#include <gtest/gtest.h>

#include "api/codec/protobuf.h"
#include "api/codec/sample_document.h"
#include "cli/environment.h"
#include "cli/program.h"
#include "client/transport.h"

namespace skiff::cli {
namespace {

class ConvertTest : public testing::Test {
 protected:
  int Convert(std::string input, const std::string& output, const std::string& file = "-") {
    out_.clear();
    err_.clear();
    const SystemClock clock;
    Environment environment{
        .out = [this](std::string_view text) { out_ += text; },
        .err = [this](std::string_view text) { err_ += text; },
        .read_input = [&] { return input; },
        .variable = [](const std::string&) { return std::string("/nowhere"); },
        .connect = [](const HttpsOptions&) -> Result<std::unique_ptr<Transport>> {
          return Fail(Reason::kServiceUnavailable, "no server here");
        },
        .pause = [](Duration) {},
        .clock = clock};
    return RunCli(environment, "convert", {"-f", file, "-o", output});
  }
  std::string out_;
  std::string err_;
};

TEST_F(ConvertTest, EachKindGoesThroughAllEncodingsUnharmed) {
  for (const KindInfo* kind : BuiltInKinds()) {
    ASSERT_EQ(Convert(SampleDocument(*kind->type, 1).dump(), "json"), 0) << kind->kind << err_;
    ASSERT_EQ(Convert(out_, "protobuf"), 0) << kind->kind << err_;
    const auto envelope = OpenEnvelope(out_);
    ASSERT_TRUE(envelope) << kind->kind;
    EXPECT_EQ(envelope->type, (TypeMeta{std::string(kind->api_version), std::string(kind->kind)}));
    const std::string protobuf = out_;
    // There, objects inside the object do not say their kind.
    ASSERT_EQ(Convert(protobuf, "json"), 0) << kind->kind << err_;
    const std::string json = out_;
    ASSERT_EQ(Convert(protobuf, "yaml"), 0) << kind->kind << err_;
    const std::string yaml = out_;
    ASSERT_EQ(Convert(yaml, "json"), 0) << kind->kind << err_;
    EXPECT_EQ(out_, json) << kind->kind;
    ASSERT_EQ(Convert(yaml, "protobuf"), 0) << kind->kind << err_;
    EXPECT_EQ(out_, protobuf) << kind->kind;
  }
}

TEST_F(ConvertTest, RefusesWhatItCouldNotKeep) {
  EXPECT_EQ(Convert(R"({"kind":"Pod","apiVersion":"v1","spec":{"zzz":1}})", "yaml"), 1);
  EXPECT_EQ(err_, "error: strict decoding error: unknown field \"spec.zzz\"\n");
  EXPECT_EQ(Convert("kind: Thing\napiVersion: a/v1\n", "json"), 1);
  EXPECT_EQ(err_, "error: no kind \"Thing\" is registered for version \"a/v1\"\n");
  EXPECT_EQ(Convert("kind: Pod\napiVersion: v1\n---\nkind: Pod\napiVersion: v1\n", "json"), 1);
  EXPECT_EQ(err_, "error: one object is converted at a time, not 2\n");
  EXPECT_EQ(Convert("", "json", "/"), 1);
  EXPECT_EQ(err_, "error: the path \"/\" cannot be read: Is a directory\n");
  EXPECT_EQ(Convert("", "json", "/nowhere/x"), 1);
  EXPECT_EQ(err_, "error: the path \"/nowhere/x\" cannot be read: No such file or directory\n");
  EXPECT_EQ(Convert(R"({"kind":"Pod","apiVersion":"v1","metadata":{},"metadata":{}})", "yaml"), 1);
  EXPECT_EQ(err_, "error: strict decoding error: duplicate field \"metadata\"\n");
  EXPECT_EQ(Convert("kind: Pod\napiVersion: v1\nkind: Pod\n", "json"), 1);
  EXPECT_EQ(err_,
            "error: strict decoding error: yaml: unmarshal errors:\n"
            "  line 3: key \"kind\" already set in map\n");
  EXPECT_EQ(Convert(std::string("k8s\0garbage", 11), "json"), 1);
  EXPECT_EQ(Convert("", "json"), 1);
  EXPECT_EQ(Convert("{}", "table"), 1);
  EXPECT_NE(err_.find("yaml|json|protobuf"), std::string::npos) << err_;
}

TEST_F(ConvertTest, ABraceMayBeginYaml) {
  ASSERT_EQ(Convert("{kind: Namespace, apiVersion: v1, metadata: {name: a}}\n", "json"), 0) << err_;
  const std::string json = out_;
  EXPECT_NE(json.find(R"("name":"a")"), std::string::npos) << json;
  ASSERT_EQ(Convert(json, "json"), 0) << err_;
  EXPECT_EQ(out_, json);
}

}  // namespace
}  // namespace skiff::cli
