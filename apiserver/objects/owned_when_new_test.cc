// Whose the fields of a new object are that its kind gives it.
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using OwnedWhenNew = ServerFixture;

constexpr const char* kOwnedJobs = "/apis/batch/v1/namespaces/default/jobs";

std::string OwnedJob(const std::string& metadata, const std::string& labels) {
  return R"({"metadata": )" + metadata + R"(, "spec": {"template": {"metadata": {"labels": )" +
         labels + R"(}, "spec": {"restartPolicy": "Never",
                     "containers": [{"name": "c", "image": "i"}]}}}})";
}

TEST_F(OwnedWhenNew, LabelsThatAJobHasOfItsTemplateAreItsAuthors) {
  const Answer made = Post(kOwnedJobs, OwnedJob(R"({"name": "a"})", R"({"app": "x"})"));
  ASSERT_EQ(made.code, 201) << made.body;
  EXPECT_EQ(made.body["metadata"]["labels"].size(), 5u);
  EXPECT_EQ(made.body["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"],
            Json::parse(R"({"f:labels": {".": {}, "f:app": {}}})"));
}

TEST_F(OwnedWhenNew, GeneratedLabelsOfAJobAreNobodys) {
  const Answer made = Post(kOwnedJobs, OwnedJob(R"({"name": "b"})", "{}"));
  ASSERT_EQ(made.code, 201) << made.body;
  EXPECT_EQ(made.body["metadata"]["labels"].size(), 4u);
  EXPECT_FALSE(made.body["metadata"]["managedFields"][0]["fieldsV1"].contains("f:metadata"));
  const Answer own =
      Post(kOwnedJobs, OwnedJob(R"({"name": "c", "labels": {"l": "m"}})", R"({"app": "x"})"));
  EXPECT_EQ(own.body["metadata"]["labels"], Json({{"l", "m"}}));
  EXPECT_EQ(own.body["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"],
            Json::parse(R"({"f:labels": {".": {}, "f:l": {}}})"));
}

}  // namespace
}  // namespace skiff
