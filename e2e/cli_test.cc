// kubectl's everyday verbs against the real API server: what they print, and what they leave there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/base64.h"
#include "e2e/cli_harness.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kPod[] = R"(
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: main, image: nginx, ports: [{containerPort: 80}]}]}
)";

constexpr char kDeployment[] = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:1", ports: [{containerPort: 80}]}]}
)";

class CliTest : public testing::Test {
 protected:
  CliCluster cli_;
};

TEST_F(CliTest, CreatesGetsAndDeletesAnObject) {
  EXPECT_EQ(cli_.Out("create -f -", kPod), "pod/web created\n");
  EXPECT_EQ(cli_.Out("get pods"),
            "NAME   READY   STATUS    RESTARTS   AGE\nweb    0/1     Pending   0          0s\n");
  EXPECT_EQ(cli_.Out("get po/web -o name"), "pod/web\n");
  EXPECT_EQ(cli_.Out("get pod web -o jsonpath={.spec.containers[0].image}"), "nginx");
  EXPECT_EQ(cli_.Out("get pods -o custom-columns=N:.metadata.name,I:spec.containers[*].image"),
            "N     I\nweb   nginx\n");
  EXPECT_EQ(cli_.Out("get pods --no-headers -L app --show-labels"),
            "web   0/1   Pending   0     0s    web   app=web\n");
  EXPECT_EQ(cli_.Out("delete pod web --grace-period=0 --force"),
            "pod \"web\" force deleted from default namespace\n");
  EXPECT_EQ(cli_.Run("get pods").err, "No resources found in default namespace.\n");
}

TEST_F(CliTest, SaysWhatIsMissing) {
  EXPECT_EQ(cli_.Error("get pod none"), "Error from server (NotFound): pods \"none\" not found\n");
  EXPECT_EQ(cli_.Error("get foo"), "error: the server doesn't have a resource type \"foo\"\n");
  EXPECT_EQ(cli_.Out("get pod none --ignore-not-found"), "");
  EXPECT_EQ(cli_.Error("delete deploy none"),
            "Error from server (NotFound): deployments.apps \"none\" not found\n");
  EXPECT_EQ(cli_.Error("describe pod none"),
            "Error from server (NotFound): pods \"none\" not found\n");
  EXPECT_EQ(cli_.Error("get pods -o foo").substr(0, 63),
            "error: unable to match a printer suitable for the output format");
  EXPECT_EQ(cli_.Error("get pods --nope"),
            "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n");
}

TEST_F(CliTest, RefusesWordsThatGoTogetherBadly) {
  EXPECT_EQ(cli_.Error("get pods/a b"),
            "error: there is no need to specify a resource type as a separate argument when "
            "passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' "
            "instead of 'kubectl get resource resource/<resource_name>'\n");
  EXPECT_EQ(cli_.Error("delete pods"),
            "error: resource(s) were provided, but no name was specified\n");
  EXPECT_EQ(cli_.Error("delete pods --all -l a=b"),
            "error: setting 'all' parameter but found a non empty selector.\n");
  EXPECT_EQ(cli_.Error("delete pods a --now --grace-period=3"),
            "error: --now and --grace-period cannot be specified together\n");
  EXPECT_EQ(cli_.Error("get pod a -l b=c"),
            "error: name cannot be provided when a selector is specified\n");
  EXPECT_EQ(cli_.Error("get pod a -A"),
            "error: a resource cannot be retrieved by name across all namespaces\n");
}

TEST_F(CliTest, AppliesAndTellsWhatChanged) {
  const std::string map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '1'}}";
  EXPECT_EQ(cli_.Out("apply -f -", map), "configmap/m created\n");
  EXPECT_EQ(cli_.Out("apply -f -", map), "configmap/m unchanged\n");
  const std::string other =
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {b: '2'}}";
  EXPECT_EQ(cli_.Out("apply -f -", other), "configmap/m configured\n");
  EXPECT_EQ(cli_.Object("cm/m")["data"], Json({{"b", "2"}}));
  EXPECT_EQ(
      cli_.Object(
          "cm/m")["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"],
      "{\"apiVersion\":\"v1\",\"data\":{\"b\":\"2\"},\"kind\":\"ConfigMap\",\"metadata\":{"
      "\"annotations\":{},\"name\":\"m\",\"namespace\":\"default\"}}\n");
  EXPECT_EQ(cli_.Out("apply --server-side -f -", kPod), "pod/web serverside-applied\n");
  const Ran conflict =
      cli_.Run("apply --server-side --field-manager=other -f -",
               "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: x}}}");
  EXPECT_EQ(conflict.code, 1);
  EXPECT_THAT(conflict.err,
              StartsWith("error: Apply failed with 1 conflict: conflict with \"kubectl\": "
                         ".metadata.labels.app\nPlease review the fields above"));
}

TEST_F(CliTest, GeneratesObjects) {
  EXPECT_EQ(cli_.Out("create namespace x"), "namespace/x created\n");
  EXPECT_EQ(cli_.Out("create deployment d --image=busy_box:1 -r 3 --port=80 -- sleep 5"),
            "deployment.apps/d created\n");
  const Json spec = cli_.Object("deploy/d")["spec"];
  EXPECT_EQ(spec["replicas"], 3);
  const Json container = spec["template"]["spec"]["containers"][0];
  EXPECT_THAT(container["name"].get<std::string>(), testing::ContainsRegex("^busy-box-.....$"))
      << "as kubectl does, so that it is not that of busy-box";
  EXPECT_EQ(container["command"], Json({"sleep", "5"}));
  EXPECT_EQ(cli_.Out("create configmap c --from-literal=a=1"), "configmap/c created\n");
  EXPECT_EQ(cli_.Out("create secret generic s --from-literal=a=b"), "secret/s created\n");
  EXPECT_EQ(cli_.Object("secret/s")["data"]["a"], "Yg==");
  EXPECT_EQ(cli_.Out("create service nodeport n --tcp=80:8080"), "service/n created\n");
  EXPECT_EQ(cli_.Object("svc/n")["spec"]["ports"][0]["targetPort"], 8080);
  EXPECT_EQ(cli_.Out("create sa a --dry-run=client -o yaml"),
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n");
  EXPECT_EQ(cli_.Out("run p --image=nginx -- a b"), "pod/p created\n");
  EXPECT_EQ(cli_.Object("pod/p")["spec"]["containers"][0]["args"], Json({"a", "b"}));
  EXPECT_EQ(cli_.Error("create configmap c"),
            "error: failed to create configmap: configmaps \"c\" already exists\n");
  EXPECT_EQ(cli_.Error("create deployment e"), "error: required flag(s) \"image\" not set\n");
}

TEST_F(CliTest, ExposesScalesLabelsAndPatches) {
  cli_.Out("create -f -", kDeployment);
  EXPECT_EQ(cli_.Out("expose deployment web --port=8000 --target-port=80 --name=front"),
            "service/front exposed\n");
  EXPECT_EQ(cli_.Object("svc/front")["spec"]["selector"], Json({{"app", "web"}}));
  EXPECT_EQ(cli_.Out("scale deploy web --replicas=4"), "deployment.apps/web scaled\n");
  EXPECT_EQ(cli_.Object("deploy/web")["spec"]["replicas"], 4);
  EXPECT_EQ(cli_.Error("scale deploy web --replicas=5 --current-replicas=9"),
            "error: Expected replicas to be 9, was 4\n");
  EXPECT_EQ(cli_.Out("label deploy web tier=front"), "deployment.apps/web labeled\n");
  EXPECT_EQ(cli_.Error("label deploy web tier=back"),
            "error: 'tier' already has a value (front), and --overwrite is false\n");
  EXPECT_EQ(cli_.Out("label deploy web tier-"), "deployment.apps/web unlabeled\n");
  EXPECT_EQ(cli_.Out("label deploy web tier-"),
            "label \"tier\" not found.\ndeployment.apps/web not labeled\n");
  EXPECT_EQ(cli_.Out("annotate deploy web a=b"), "deployment.apps/web annotated\n");
  EXPECT_EQ(cli_.Out("patch deploy web -p '{\"spec\":{\"paused\":true}}'"),
            "deployment.apps/web patched\n");
  EXPECT_EQ(cli_.Out("patch deploy web -p '{\"spec\":{\"paused\":true}}'"),
            "deployment.apps/web patched (no change)\n");
  EXPECT_EQ(cli_.Out("set image deploy/web main=nginx:2"), "deployment.apps/web image updated\n");
  EXPECT_EQ(cli_.Error("set image deploy/web zz=nginx:2"),
            "error: unable to find container named \"zz\"\n");
  EXPECT_EQ(cli_.Out("autoscale deploy web --max=5 --cpu=50%"),
            "horizontalpodautoscaler.autoscaling/web autoscaled\n");
}

TEST_F(CliTest, WaitsForConditions) {
  cli_.Out("create -f -", kPod);
  EXPECT_EQ(cli_.Error("wait pod/web --for=condition=Ready --timeout=0s"),
            "error: condition not met for pods/web\n");
  EXPECT_EQ(cli_.Out("wait pod/web --for=jsonpath={.status.phase}=Pending"),
            "pod/web condition met\n");
  EXPECT_EQ(cli_.Out("wait pod/none --for=delete"), "");
  EXPECT_EQ(cli_.Out("wait pods --all -l a=b --for=delete"), "");
  EXPECT_EQ(cli_.Error("wait pods -l a=b --for=condition=Ready"),
            "error: no matching resources found\n");
}

class CliRolloutTest : public testing::Test {
 protected:
  CliCluster cli_{{.run_controllers = true}};
};

TEST_F(CliRolloutTest, ShowsRevisionsAndRollsBack) {
  cli_.Out("create -f -", kDeployment);
  cli_.cluster().RunUntilIdle();
  EXPECT_EQ(cli_.Out("rollout history deploy/web"),
            "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n\n");
  EXPECT_EQ(cli_.Out("rollout status deploy/web --watch=false"),
            "Waiting for deployment \"web\" rollout to finish: 0 of 2 updated replicas are "
            "available...\n");
  cli_.Out("set image deploy/web main=nginx:2");
  cli_.cluster().RunUntilIdle();
  EXPECT_EQ(cli_.Out("rollout pause deploy/web"), "deployment.apps/web paused\n");
  EXPECT_EQ(cli_.Error("rollout pause deploy/web"),
            "error: deployments.apps \"web\" is already paused\n");
  EXPECT_EQ(cli_.Error("rollout undo deploy/web"),
            "error: you cannot rollback a paused deployment; resume it first with 'kubectl "
            "rollout resume' and try again\n");
  EXPECT_EQ(cli_.Out("rollout resume deploy/web"), "deployment.apps/web resumed\n");
  EXPECT_EQ(cli_.Out("rollout undo deploy/web"), "deployment.apps/web rolled back\n");
  EXPECT_EQ(cli_.Object("deploy/web")["spec"]["template"]["spec"]["containers"][0]["image"],
            "nginx:1");
  EXPECT_EQ(cli_.Out("rollout restart deploy/web"), "deployment.apps/web restarted\n");
  EXPECT_EQ(cli_.Error("rollout undo deploy/web --to-revision=99"),
            "error: unable to find specified revision 99 in history\n");
}

TEST_F(CliTest, TellsAboutTheServer) {
  EXPECT_THAT(cli_.Out("version"), HasSubstr("Server Version: v1.35"));
  EXPECT_THAT(cli_.Out("api-versions"), HasSubstr("apps/v1\n"));
  EXPECT_THAT(cli_.Out("api-resources --api-group=apps"), HasSubstr("deploy       apps/v1"));
  EXPECT_THAT(cli_.Out("cluster-info"), StartsWith("Kubernetes control plane is running at "));
}

// In JSON each NUL has six bytes, and a request three mebibytes: it goes as protobuf.
TEST_F(CliTest, CreatesMapsOfBytesThatJsonEscapes) {
  constexpr size_t kMost = 1 << 20;
  const ScratchFolder folder;
  const auto file = [&](const char* name, size_t bytes, char byte) {
    return " --from-file=" + std::string(name) + "=" + folder.Write(name, std::string(bytes, byte));
  };
  const auto is = [&](const Json& field, size_t bytes, char byte) {
    return field == Json(std::string(bytes, byte));
  };
  EXPECT_EQ(cli_.Out("create configmap nuls" + file("a", kMost, '\0')), "configmap/nuls created\n");
  EXPECT_TRUE(is(cli_.Object("cm/nuls")["data"]["a"], kMost, '\0'));
  EXPECT_EQ(cli_.Out("create configmap both" + file("a", 700'000, '\0') +
                     file("b", kMost - 700'000, '\xff')),
            "configmap/both created\n");
  Json both = cli_.Object("cm/both");
  EXPECT_TRUE(is(both["data"]["a"], 700'000, '\0'));
  EXPECT_TRUE(both["binaryData"]["b"] == Json(EncodeBase64(std::string(kMost - 700'000, '\xff'))));
  EXPECT_EQ(cli_.Error("create configmap more" + file("a", kMost + 1, '\0')),
            "error: failed to create configmap: ConfigMap \"more\" is invalid: []: Too long: may "
            "not be more than 1048576 bytes\n");
  EXPECT_EQ(cli_.Out("create secret generic s" + file("a", kMost, '\0')), "secret/s created\n");
}

}  // namespace
}  // namespace skiff
