#include "cli/events.h"

#include <gmock/gmock.h>

#include "cli/one_saying.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class EventsTest : public ProgramTest {
 protected:
  static std::string Event(const std::string& reason) {
    return R"({"apiVersion": "v1", "kind": "Event", "type": "Normal", )"
           R"("metadata": {"name": "e", "namespace": "default"}, "reason": ")" +
           reason + R"(", "message": "m", "involvedObject": {"kind": "Pod", "name": "p"}})";
  }
  // The events that are there when a watch begins, and those that it brings.
  void Serve(const std::string& before, const std::string& later) {
    const auto answers = ServerOf("", {}, {});
    server_ = [=](const http::Request& request) {
      if (request.path != "/api/v1/namespaces/default/events") return answers(request);
      http::Response response;
      response.status = 200;
      if (request.Query("watch")) {
        response.stream =
            std::make_unique<OneSaying>(R"({"type": "ADDED", "object": )" + later + "}\n");
      } else {
        response.body = R"({"metadata": {"resourceVersion": "7"}, "items": [)" + before + "]}";
      }
      return response;
    };
  }
};

TEST_F(EventsTest, WhatAWatchBringsStandsInTheColumnsOfWhatWasThere) {
  Serve(Event("AsLongAsTwenty"), Event("Short"));
  EXPECT_EQ(Run("events", {"--watch"}), 0) << err_;
  EXPECT_EQ(out_,
            "LAST SEEN   TYPE     REASON           OBJECT   MESSAGE\n"
            "<unknown>   Normal   AsLongAsTwenty   Pod/p    m\n"
            "<unknown>   Normal   Short            Pod/p    m\n");
  Serve("", Event("First"));
  EXPECT_EQ(Run("events", {"--watch"}), 0) << err_;
  EXPECT_EQ(out_,
            "LAST SEEN   TYPE     REASON   OBJECT   MESSAGE\n"
            "<unknown>   Normal   First    Pod/p    m\n");
}

TEST_F(EventsTest, AWatchPrintsAsItIsAskedTo) {
  Serve(Event("One"), Event("Two"));
  EXPECT_EQ(Run("events", {"--watch", "-o", "jsonpath={.reason}{\"\\n\"}"}), 0) << err_;
  EXPECT_EQ(out_, "One\nTwo\n");
}

TEST(EventMessageTest, WhiteSpaceAroundItIsLeftOut) {
  EXPECT_EQ(EventMessage({{"message", "\n a\n\tb \n"}}), "a\n\tb");
  EXPECT_EQ(EventMessage({{"message", " \n"}}), "");
}

}  // namespace
}  // namespace skiff::cli
