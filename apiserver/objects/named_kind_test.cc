// Which kind and group an error names, where versions of several groups are one kind.
#include <gtest/gtest.h>

#include <string>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class NamedKindTest : public ServerFixture {
 protected:
  static constexpr const char* kEvents = "/apis/events.k8s.io/v1/namespaces/default/events";
  static constexpr const char* kEvent = R"({"metadata": {"name": "e"},
      "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}})";
};

TEST_F(NamedKindTest, AWrongPreconditionIsToldOfTheKindThatIsStored) {
  ASSERT_EQ(Post("/api/v1/namespaces/default/events", kEvent).code, 201);
  const auto refused =
      Ask("DELETE", std::string(kEvents) + "/e", R"({"preconditions": {"uid": "another"}})");
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.message().substr(0, refused.message().find(" (")),
            "Operation cannot be fulfilled on Event \"e\": the UID in the precondition");
}

TEST_F(NamedKindTest, ANameThatIsTakenIsToldInTheGroupThatIsStored) {
  ASSERT_EQ(Post("/api/v1/namespaces/default/events", kEvent).code, 201);
  const auto post = [&](const std::string& metadata) {
    return Post(kEvents, R"({"metadata": {)" + metadata +
                             R"(}, "eventTime": "2024-01-02T03:04:05.000000Z", "type": "Normal",
        "reason": "r", "action": "a", "reportingController": "c.d/e", "reportingInstance": "i",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}})");
  };
  EXPECT_EQ(post(R"("name": "e")").message(), "events.events.k8s.io \"e\" already exists");
  EXPECT_EQ(
      post(R"("name": "e", "generateName": "e-")").message(),
      "events \"e\" already exists, the server was not able to generate a unique name for the "
      "object");
}

}  // namespace
}  // namespace skiff
