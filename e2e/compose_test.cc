// `compose up` against a real server: what it waits for, and what it says when that does not come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/cli_harness.h"
#include "e2e/pod_runner.h"

namespace skiff {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class ComposeUpTest : public testing::Test {
 protected:
  // Runs `compose up` on a file of this text.
  Ran Up(CliCluster& cli, const std::string& text, const std::string& flags) {
    const std::string path = folder_.Write("compose.yaml", "name: shop\n" + text);
    return cli.Run("compose -f " + path + " up " + flags);
  }
  const ScratchFolder folder_;
};

TEST_F(ComposeUpTest, SaysWhatItWaitsForAndInTheEndWhatShowsWhy) {
  CliCluster cli({.run_controllers = true});  // Nobody runs pods.
  cli.SettleAfterWrites();
  const Ran ran = Up(cli, "services: {web: {image: x, deploy: {replicas: 2}}}\n",
                     "--wait --timeout=20ms -n default");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("deployment.apps/web created\n"));
  EXPECT_THAT(ran.err, HasSubstr("web: Waiting for deployment \"web\" rollout to finish: 0 of 2 "
                                 "updated replicas are available...\n"));
  EXPECT_THAT(ran.err, MatchesRegex(".*error: service web is not ready: timed out waiting for the "
                                    "condition\npod/web-[a-z0-9-]+ is pending, and the scheduler "
                                    "has not looked at it yet; try: skiff [^\n]+\n"
                                    "\\(skiff why deployment/web -n default shows what is in its "
                                    "way\\)\n"));
}

// What is known of its pods, while it waits; and where the file asks for what no node has.
TEST_F(ComposeUpTest, WhatNoNodeHasIsToldWithTheLineThatAsksForIt) {
  CliCluster cli({.run_controllers = true});
  cli.SettleAfterWrites();
  cli.Out("create -f -", R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})");
  const std::string file =
      "services:\n"
      "  web: {image: x, deploy: {placement: {constraints: [node.role == manager]}}}\n";
  ASSERT_EQ(Up(cli, file, "").code, 0);
  const std::string pod = cli.Out("get pods -o name");
  cli.Out("patch " + pod.substr(0, pod.find('\n')) +
          " --subresource=status -p '{\"status\": {\"conditions\": [{\"type\": \"PodScheduled\", "
          "\"status\": \"False\", \"reason\": \"Unschedulable\", \"message\": \"0/1 nodes are "
          "available: 1 node(s) didnt match Pod node affinity/selector.\"}]}}'");
  const Ran ran = Up(cli, file, "--wait --timeout=300ms");
  EXPECT_EQ(ran.code, 1);
  const std::string told = "compose.yaml:3: services.web.deploy.placement\\); try: ";
  EXPECT_THAT(ran.err, MatchesRegex(".*\nweb: pod/web-.*" + told +
                                    "[^\n]*\nerror: [^\n]*\n"
                                    "\\(skiff why [^\n]*\n"))
      << "once";
  EXPECT_THAT(ran.err, HasSubstr("node-role.kubernetes.io/control-plane"));
}

TEST_F(ComposeUpTest, ANamespaceThatCannotTakeItIsToldOnce) {
  CliCluster cli;
  const std::string file = "services: {web: {image: x}, db: {image: x}}\n";
  const Ran missing = Up(cli, file, "-n none");
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err,
            "error: namespace \"none\" does not exist: make it (skiff create namespace none), or "
            "name another by -n\n");
  cli.Out("create namespace old");
  cli.Out(
      "create -n old -f -",
      R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["x/y"]}})");
  cli.Out("delete namespace old --wait=false");
  EXPECT_THAT(Up(cli, file, "-n 'x; rm'").err,
              StartsWith("error: \"x; rm\" is no name of a namespace: "));
  const Ran leaving = Up(cli, file, "-n old");
  EXPECT_EQ(leaving.code, 1);
  EXPECT_EQ(leaving.err,
            "error: namespace \"old\" is being deleted: wait until it is gone (skiff wait "
            "--for=delete namespace/old) and make it anew, or name another by -n\n");
}

TEST_F(ComposeUpTest, WaitsForWhatOthersDependOnAndNamesItsKind) {
  CliCluster cli({.run_controllers = true});
  cli.SettleAfterWrites();
  const Ran ran = Up(cli,
                     "services:\n"
                     "  web: {image: x, depends_on: {db: {condition: service_healthy}}}\n"
                     "  db: {image: x, volumes: ['data:/data']}\n"
                     "volumes: {data: {}}\n",
                     "--timeout=20ms");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("statefulset.apps/db created\n"));
  EXPECT_THAT(ran.out, Not(HasSubstr("deployment.apps/web created")));
  EXPECT_THAT(ran.err, HasSubstr("db: Waiting for 1 pods to be ready...\n"));
  EXPECT_THAT(ran.err, HasSubstr("error: service db is not ready: timed out waiting for the "
                                 "condition\n"));
  EXPECT_THAT(ran.err,
              EndsWith("(skiff why statefulset/db -n default shows what is in its way)\n"));
  const std::string why = "pod/db-0 is pending: its claim shop-data is not bound\n";
  EXPECT_THAT(ran.err, HasSubstr(why));
  EXPECT_EQ(ran.err.find(why), ran.err.rfind(why)) << "once is enough";
}

TEST_F(ComposeUpTest, OfATaskThatHasFailedItLeadsToTheLog) {
  CliCluster cli;
  const std::string file = "services: {migrate: {image: x, restart: 'no'}}\n";
  const Ran slow = Up(cli, file, "--wait --timeout=20ms");
  EXPECT_THAT(slow.err, StartsWith("migrate: Waiting for the job to end...\n"));
  EXPECT_THAT(slow.err,
              HasSubstr("error: service migrate is not completed: timed out waiting for the "
                        "condition\n"));
  EXPECT_THAT(slow.err, EndsWith("\n(skiff why job/migrate -n default shows what is in its way)\n"))
      << "it has said nothing yet";
  const std::string when = "\"lastTransitionTime\": \"2026-01-01T00:00:00Z\"";
  const std::string why =
      "\"reason\": \"BackoffLimitExceeded\", \"message\": \"It has reached its limit\"";
  cli.Out(
      "patch job migrate --subresource=status --type=merge -p '{\"status\": {\"startTime\": "
      "\"2026-01-01T00:00:00Z\", \"conditions\": [{\"type\": \"FailureTarget\", \"status\": "
      "\"True\", " +
      when + ", " + why + "}, {\"type\": \"Failed\", \"status\": \"True\", " + when + ", " + why +
      "}]}}'");
  const Ran failed = Up(cli, file, "--wait --timeout=20ms");
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("job.batch/migrate unchanged\n"));
  EXPECT_EQ(failed.err,
            "error: service migrate is not completed: It has reached its limit\n"
            "(skiff logs job/migrate -n default shows what it said)\n");
}

TEST_F(ComposeUpTest, WhatIsReadyIsNotWaitedFor) {
  CliCluster cli(
      {.run_controllers = true, .add_parts = [](Manager& manager) { AddPodRunner(manager); }});
  cli.SettleAfterWrites();
  const Ran ran = Up(cli, "services: {web: {image: x}}\n", "--wait --timeout=20ms");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
}

TEST_F(ComposeUpTest, AllThatIsRefusedIsToldInOneGoAndNothingIsDone) {
  CliCluster cli;
  cli.Out("create deployment web --image=x");
  cli.Out("create service clusterip db --tcp=80");
  const Ran ran = Up(cli,
                     "services:\n"
                     "  web: {image: x, volumes: ['old:/old']}\n"
                     "  db: {image: x}\n"
                     "  other: {image: x}\n"
                     "volumes:\n"
                     "  old: {external: true}\n",
                     "--wait");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  const std::string file = folder_.path() + "/compose.yaml:";
  EXPECT_THAT(ran.err,
              HasSubstr(file + "4: services.db: service \"db\" in namespace default is not "
                               "of a compose project: "));
  EXPECT_THAT(ran.err, HasSubstr(file + "7: volumes.old is external, and there is no "
                                        "persistentvolumeclaim \"old\" in namespace default"));
  EXPECT_EQ(cli.Object("deployment/other"), Json());
}

TEST_F(ComposeUpTest, WhatIsAnothersIsNotTriedAsWell) {
  CliCluster cli;
  const std::string file = "services: {db: {image: x, volumes: ['d:/d']}}\nvolumes: {d: {}}\n";
  ASSERT_EQ(Up(cli, file, "-p other").code, 0);
  const Ran ran = Up(cli, file, "");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("statefulset.apps \"db\" in namespace default is of the compose "
                                 "project other: "));
  EXPECT_THAT(ran.err, Not(HasSubstr("is invalid")));
}

// Neither can be read: each is told of, and none keeps the others from being asked.
TEST_F(ComposeUpTest, LogsOfThoseThatHaveNoneAreToldAndTheRestIsShown) {
  CliCluster cli;
  for (const char* name : {"db", "web"}) {
    cli.Out("create -f -",
            std::string(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels":
                {"compose.skiff.io/project": "shop"}, "name": ")") +
                name + R"("}, "spec": {"nodeName": "gone", "containers":
                [{"name": "c", "image": "x"}]}})");
  }
  const Ran ran = cli.Run("compose logs -p shop");
  EXPECT_EQ(ran.code, 0);
  // Among the logs, as kubectl has it.
  const std::string refused = "error: this server has no way to reach kubelets\n";
  EXPECT_EQ(ran.out, refused + refused);
  EXPECT_EQ(ran.err, "");
}

// Another project has the port: nothing is begun that would not be reached.
TEST_F(ComposeUpTest, APortThatAnotherProjectHasIsNamedBeforeAnythingIsDone) {
  CliCluster cli;
  cli.Out("create -f -", R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})");
  cli.Out(
      "patch node n1 --subresource=status -p '{\"status\": {\"addresses\": [{\"type\": "
      "\"InternalIP\", \"address\": \"192.0.2.1\"}]}}'");
  cli.Out("create namespace blue");
  const std::string file = "services: {web: {image: x, ports: ['8080:80']}}\n";
  ASSERT_EQ(Up(cli, file, "-p other -n blue").code, 0);
  cli.Out(
      "patch service web-published -n blue --subresource=status -p '{\"status\": "
      "{\"loadBalancer\": {\"ingress\": [{\"ip\": \"192.0.2.1\"}]}}}'");
  const Ran ran = Up(cli, file, "--wait --timeout=1s");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("compose.yaml:2: services.web.ports: port 8080/TCP of the nodes "
                                 "is published by service \"web-published\" of the compose "
                                 "project other in namespace blue: publish another port, or take "
                                 "that down (skiff compose -p other down -n blue)"));
  EXPECT_EQ(cli.Object("deployment/web"), Json());
  EXPECT_EQ(Up(cli, file, "-p other -n blue").code, 0) << "its own port is in nobody's way";
}

// What has the port is no other project, or came to have it meanwhile.
TEST_F(ComposeUpTest, WhatIsUpAndNotPublishedIsTold) {
  CliCluster cli(
      {.run_controllers = true, .add_parts = [](Manager& manager) { AddPodRunner(manager); }});
  cli.SettleAfterWrites();
  const std::string file = "services: {web: {image: x, ports: ['22:80']}}\n";
  ASSERT_EQ(Up(cli, file, "--wait --timeout=1s").code, 0);
  const std::string uid = cli.Object("service/web-published")["metadata"]["uid"];
  cli.Out(
      "create -f -",
      R"({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
              "involvedObject": {"kind": "Service", "name": "web-published", "namespace": "default",
              "uid": ")" +
          uid + R"("}, "reason": "SyncLoadBalancerFailed", "type": "Warning", "message":
              "Error syncing load balancer: port 22/TCP of the nodes is in use by ssh"})");
  const Ran ran = Up(cli, file, "--wait --timeout=1s");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "error: service web-published is not published: Error syncing load balancer: port "
            "22/TCP of the nodes is in use by ssh\n(publish another port, or skiff why "
            "service/web-published -n default)\n");
}

// A Service keeps its address, or goes on without one: who comes to have ports, or has none any
// more, gets another Service.
TEST_F(ComposeUpTest, PortsMayComeAndGo) {
  CliCluster cli({.run_controllers = true});
  cli.SettleAfterWrites();
  const std::string without = "services: {db: {image: x}}\n";
  const std::string with = "services: {db: {image: x, ports: ['5432:5432']}}\n";
  ASSERT_EQ(Up(cli, without, "").code, 0);
  EXPECT_EQ(cli.Object("service/db")["spec"]["clusterIP"], "None");
  const Ran dry = Up(cli, with, "--dry-run");
  EXPECT_EQ(dry.err, "");
  EXPECT_THAT(dry.out, HasSubstr("service/db deleted (server dry run)\n"));
  const Ran opened = Up(cli, with, "");
  EXPECT_EQ(opened.err, "");
  EXPECT_THAT(opened.out, HasSubstr("service/db deleted\nservice/db created\n"));
  const Json address = cli.Object("service/db")["spec"]["clusterIP"];
  EXPECT_NE(address, "None");
  EXPECT_THAT(Up(cli, with, "").out, HasSubstr("service/db unchanged\n"));
  EXPECT_EQ(cli.Object("service/db")["spec"]["clusterIP"], address);
  const Ran closed = Up(cli, without, "");
  EXPECT_EQ(closed.err, "");
  EXPECT_THAT(closed.out, HasSubstr("service/db-published pruned\n"));
  EXPECT_EQ(cli.Object("service/db")["spec"]["clusterIP"], "None");
}

}  // namespace
}  // namespace skiff
