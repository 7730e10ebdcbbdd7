#include "cli/scale.h"

#include <gtest/gtest.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using ScaleVerbTest = ProgramTest;

// A kind whose number of replicas is nobody's spec.replicas, and that follows at the second look.
TEST_F(ScaleVerbTest, TheScaleIsWaitedForBeforeItIsTold) {
  int looks = 0, conflicts = 0;
  std::string said_before;
  const std::string widget = "/apis/example.com/v1/namespaces/default/widgets/";
  const auto answers = ServerOf("example.com", {{"widgets", "Widget"}},
                                {{widget + "w", R"({"metadata": {"name": "w"}, "spec": {}})"},
                                 {widget + "v", R"({"metadata": {"name": "v"}, "spec": {}})"}});
  server_ = [&](const http::Request& request) {
    if (request.path != widget + "w/scale") return answers(request);
    http::Response response;
    response.status = 200;
    if (request.method == "GET") {
      ++looks;
      said_before = out_;
    } else if (++conflicts == 1) {
      response.status = 409;
      response.body = R"({"kind": "Status", "reason": "Conflict", "message": "changed"})";
      return response;
    }
    response.body = std::string(R"({"spec": {"replicas": 3}, "status": {"replicas": )") +
                    (looks == 2 ? "3" : "1") + "}}";
    return response;
  };
  EXPECT_EQ(Run("scale", {"widget/w", "--replicas=3", "--timeout=1h"}), 0) << err_;
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(pauses_, 2) << "of the conflict, and between the looks";
  EXPECT_EQ(said_before, "");
  EXPECT_EQ(out_, "widget.example.com/w scaled\n");
  EXPECT_EQ(Run("scale", {"widget/w", "widget/v", "--replicas=3", "--resource-version=7"}), 1);
  EXPECT_EQ(err_, "error: cannot use --resource-version with multiple resources\n");
  EXPECT_EQ(Run("scale", {"widget/w", "--replicas=3", "-o", "foo"}), 1);
  EXPECT_EQ(err_.find("error: unable to match a printer suitable for the output format \"foo\""), 0)
      << err_;
  EXPECT_EQ(looks, 2) << "what cannot be printed is not done";
  EXPECT_EQ(conflicts, 2);
}

}  // namespace
}  // namespace skiff::cli
