// What others wrote must not drive the terminal of whoever reads it.
#include "cli/terminal_text.h"

#include <gmock/gmock.h>

#include "cli/printers.h"
#include "cli/program_fixture.h"
#include "cli/why/finding.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TerminalTextTest, EscapesAreShown) {
  EXPECT_EQ(TerminalText("a\x1b[31mb\rc\nd\te"), "a^[[31mb\\rc\nd\te");
}

TEST(TerminalTextTest, WhyShowsThem) {
  why::Explanation explanation;
  explanation.findings.push_back(
      {.sentence = "it says \x1b[2J", .evidence = {{.text = "a\x1b]0;b\x07", .source = "\x1b"}}});
  EXPECT_THAT(why::TextFor(explanation), Not(HasSubstr("\x1b")));
}

TEST(TerminalTextTest, ColumnsOfOnesOwnShowThem) {
  const auto printed = CustomColumns("A:.a", {Json{{"a", "b\x1b[2J\rc"}}}, false, nullptr);
  ASSERT_TRUE(printed);
  EXPECT_EQ(*printed, "b^[[2J\\rc\n");
}

class TerminalTextVerbTest : public ProgramTest {};

TEST_F(TerminalTextVerbTest, DescribeAndEventsShowThem) {
  const std::string space = "/api/v1/namespaces/default";
  const std::string events = R"({"kind": "EventList", "apiVersion": "v1",
      "metadata": {}, "items": [{"metadata": {"name": "e", "namespace": "default"},
      "type": "Normal", "reason": "Said", "message": "\u001b[8mhidden\rover",
      "involvedObject": {"kind": "Pod", "name": "p"}}]})";
  const auto answers = ServerOf("apps", {},
                                {{space + "/pods/p", R"({"apiVersion": "v1",
      "kind": "Pod", "metadata": {"name": "p", "namespace": "default",
      "annotations": {"a": "\u001b[8mhidden"}}, "spec": {"containers": []}, "status": {}})"},
                                 {space + "/events", events}});
  server_ = [answers](const http::Request& request) {
    http::Response response = answers(request);
    if (request.path == "/api/v1") {
      response.body = R"({"resources": [
          {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]},
          {"name": "events", "kind": "Event", "namespaced": true, "verbs": ["list"]}]})";
    }
    return response;
  };
  EXPECT_EQ(Run("describe", {"pod", "p"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("a: ^[[8mhidden"));
  EXPECT_THAT(out_, HasSubstr("^[[8mhidden\\rover"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
  EXPECT_EQ(Run("events", {}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("^[[8mhidden\\rover"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace skiff::cli
