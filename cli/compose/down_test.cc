// `compose ps` and `logs` against a server that keeps objects.
#include <gmock/gmock.h>

#include "cli/compose/convert.h"
#include "cli/prune/objects_fixture.h"

namespace skiff::cli::compose {
namespace {

class ComposeServicesTest : public ObjectsTest {
 protected:
  ComposeServicesTest() {
    Put("/apis/apps/v1/namespaces/default/deployments/web",
        {{"kind", "Deployment"},
         {"metadata", {{"labels", {{kProjectLabel, "shop"}, {kServiceLabel, "web"}}}}}});
  }
};

TEST_F(ComposeServicesTest, AServiceThatIsNotThereIsAnErrorInDockersWords) {
  for (const std::string verb : {"ps", "logs"}) {
    EXPECT_EQ(Run("compose", {verb, "-p", "shop", "nope"}), 1) << verb;
    EXPECT_EQ(err_, "no such service: nope\n") << verb;
    EXPECT_EQ(out_, "") << verb;
  }
  EXPECT_EQ(Run("compose", {"ps", "-p", "shop", "web"}), 0) << err_;
  EXPECT_THAT(out_, testing::HasSubstr("web"));
}

TEST_F(ComposeServicesTest, PortsOfNodesAreShownAsWell) {
  Put("/apis/apps/v1/namespaces/default/deployments/agent",
      {{"kind", "Deployment"},
       {"metadata", {{"labels", {{kProjectLabel, "shop"}, {kServiceLabel, "agent"}}}}},
       {"spec",
        {{"template",
          {{"spec",
            {{"containers",
              {{{"name", "a"},
                {"image", "x"},
                {"ports",
                 {{{"containerPort", 80}, {"hostPort", 8083}, {"protocol", "TCP"}},
                  {{"containerPort", 81}, {"protocol", "TCP"}}}}}}}}}}}}}});
  ASSERT_EQ(Run("compose", {"ps", "-p", "shop", "agent"}), 0) << err_;
  EXPECT_THAT(out_, testing::HasSubstr(" 8083->80/tcp\n"));
}

TEST_F(ComposeServicesTest, TextOfObjectsIsNoCommandToTheTerminal) {
  Put("/apis/apps/v1/namespaces/default/deployments/evil",
      {{"kind", "Deployment"},
       {"metadata", {{"labels", {{kProjectLabel, "shop"}, {kServiceLabel, "evil"}}}}},
       {"spec",
        {{"template",
          {{"spec", {{"containers", {{{"name", "a"}, {"image", "x\x1b]0;t\x07\ny\tz"}}}}}}}}}}});
  ASSERT_EQ(Run("compose", {"ps", "-p", "shop", "evil"}), 0) << err_;
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 2) << out_;
  EXPECT_EQ(out_.find_first_of("\x1b\x07\t"), out_.npos) << out_;
}

TEST_F(ComposeServicesTest, AStepBeforeTheStartThatFailsIsTold) {
  Put("/api/v1/namespaces/default/pods/web-1",
      {{"kind", "Pod"},
       {"metadata", {{"labels", {{kProjectLabel, "shop"}, {kServiceLabel, "web"}}}}},
       {"status",
        {{"phase", "Pending"},
         {"initContainerStatuses",
          Json::array({{{"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}}}})},
         {"containerStatuses",
          Json::array({{{"state", {{"waiting", {{"reason", "PodInitializing"}}}}}}})}}}});
  ASSERT_EQ(Run("compose", {"ps", "-p", "shop"}), 0) << err_;
  EXPECT_THAT(out_, testing::HasSubstr("Init:CrashLoopBackOff"));
}

}  // namespace
}  // namespace skiff::cli::compose
