// What is wrong with a line is said in kubectl's words, and nothing is done that was not asked for.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/cli_harness.h"

namespace skiff {
namespace {

using testing::HasSubstr;

constexpr char kWorkloads[] = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: nginx, ports: [{containerPort: 80}]}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: solo, labels: {run: solo}},
 spec: {containers: [{name: main, image: nginx}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "1", b: two}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: i}]}}}
)";

class CliRefusalsTest : public testing::Test {
 protected:
  CliRefusalsTest() { cli_.Out("create -f -", kWorkloads); }

  // Every object that these tests could touch, each with its version.
  std::string Everything() {
    return cli_.Out(
        "get nodes,deployments,pods,services,configmaps,cronjobs,jobs,secrets,namespaces,"
        "serviceaccounts,horizontalpodautoscalers,poddisruptionbudgets,roles,rolebindings,quota,"
        "ingresses,priorityclasses,clusterroles,clusterrolebindings "
        "-A -o custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion,S:.status");
  }
  CliCluster cli_;
  ScratchFolder files_;
};

TEST_F(CliRefusalsTest, AreInKubectlsWords) {
  const struct {
    const char* line;
    const char* error;
  } kLines[] = {
      {"autoscale deploy/web --max=3 --cpu=abc", "invalid resource cpu value: abc"},
      {"autoscale deploy/web --max=3 --cpu=-5%", "invalid percentage value: -5"},
      {"autoscale deploy/web --max=3 --memory=x", "invalid resource memory value: x"},
      {"autoscale deploy/web", "required flag(s) \"max\" not set"},
      {"expose deploy/web --port=abc --name=z", "strconv.Atoi: parsing \"abc\": invalid syntax"},
      {"expose deploy/web --port=80 --name=z --session-affinity=N", "unknown session affinity: N"},
      {"expose deploy/web --port=80 --name=z -l a=b=c", "unexpected label spec: a=b=c"},
      {"label pod solo a=b=c", "invalid label spec: a=b=c"},
      {"label pod solo a=b web", "all resources must be specified before label changes: web"},
      {"annotate pod solo a- a=b",
       "can not both modify and remove the following annotation(s) in the same command: a"},
      {"taint node n1 a=b=c:NoSchedule", "invalid taint spec: a=b=c:NoSchedule"},
      {"get pods -f x.yaml",
       "when paths, URLs, or stdin is provided as input, you may not specify resource arguments "
       "as well"},
      {"delete pod solo --all", "name cannot be provided when a selector is specified"},
      {"rollout undo deploy/web", "no rollout history found for deployment \"web\""},
      {"rollout undo cj/cj", "no rollbacker has been implemented for \"CronJob.batch\""},
      {"rollout history cm/c",
       "error retrieving history for \"ConfigMap\", no visitor method exists for { ConfigMap}"},
      {"rollout history pod/solo", "no history viewer has been implemented for \"Pod\""},
      {"rollout status cj/cj", "no status viewer has been implemented for CronJob.batch"},
      {"run", "required flag(s) \"image\" not set"},
      {"run x --image=", "--image is required"},
      {"run x --image=a --labels=abc", "unexpected label spec: abc"},
      {"run x --image=a --image-pull-policy=N", "invalid image pull policy: N"},
      {"create deployment", "required flag(s) \"image\" not set"},
      {"create cronjob x", "required flag(s) \"image\", \"schedule\" not set"},
      {"create deployment x --image=a --replicas=abc", "for \"-r, --replicas\" flag"},
      {"create job x --from=deploy/web", "unknown object type *v1.Deployment"},
      {"create service clusterip x --tcp=abc", "strconv.ParseUint: parsing \"abc\""},
      {"create pdb x --selector=a=b --min-available=abc",
       "invalid format specified for min-available"},
      {"create sa", "See 'kubectl create serviceaccount -h'"},
      {"set image deploy/web nginx", "there is no need to specify a resource type"},
      {"get cm c -o jsonpath='{.data[*]}'", "map[string]interface {} is not array or slice"},
      {"get cm c -o go-template='{{\"\\q\"}}'", "template: output:1: invalid syntax"},
  };
  const std::string before = Everything();
  for (const auto& [line, error] : kLines) {
    const Ran ran = cli_.Run(line);
    EXPECT_EQ(ran.code, 1) << line;
    EXPECT_THAT(ran.err, HasSubstr(error)) << line;
    EXPECT_EQ(ran.out, "") << line;
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(CliRefusalsTest, ErrorsOfSeveralFilesNameThem) {
  const std::string one = files_.Write("one.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: "
                                                   "A}, spec: {containers: [{name: m}]}}");
  const std::string two = files_.Write("two.yaml", "{apiVersion: v1, kind: Foo}");
  for (const char* verb : {"create", "apply"}) {
    const Ran alone = cli_.Run(fmt::format("{} -f {}", verb, one));
    EXPECT_THAT(alone.err, HasSubstr("The Pod \"A\" is invalid: ")) << verb;
    const Ran both = cli_.Run(fmt::format("{} -f {} -f {}", verb, one, two));
    EXPECT_EQ(both.code, 1);
    EXPECT_THAT(both.err, HasSubstr("Error from server (Invalid): error when creating \"" + one +
                                    "\": Pod \"A\" is invalid: "))
        << verb;
    const std::string missing = "resource mapping not found for name: \"\"";
    if (std::string_view(verb) == "apply") {
      EXPECT_THAT(both.err, testing::StartsWith(missing)) << "it reads all before it does anything";
    } else {
      EXPECT_THAT(both.err, HasSubstr("\n" + missing)) << verb;
    }
  }
}

TEST_F(CliRefusalsTest, PathsAndTemplatesSeeManagedFields) {
  EXPECT_EQ(cli_.Out("get cm c -o jsonpath='{.metadata.managedFields[*].manager}'"),
            "kubectl-create");
  EXPECT_EQ(cli_.Out("label cm c x=y --dry-run=client -o go-template='{{len "
                     ".metadata.managedFields}}'"),
            "1");
  EXPECT_EQ(cli_.Out("get cm c -o json").find("managedFields"), std::string::npos);
  EXPECT_THAT(cli_.Out("get cm c -o json --show-managed-fields"), HasSubstr("managedFields"));
}

// Neither kind of dry run changes anything, whatever the verb.
TEST_F(CliRefusalsTest, ADryRunLeavesEverythingAsItIs) {
  const std::string made =
      files_.Write("made.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}");
  const std::string changed = files_.Write(
      "changed.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '2'}}");
  const std::string lines[] = {
      "create -f " + made,
      "apply -f " + made,
      "apply -f " + changed,
      "replace -f " + changed,
      "patch -f " + changed + " -p '{\"data\":{\"a\":\"3\"}}'",
      "patch cm c --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/a\"}]'",
      "delete -f " + changed,
      "delete cm c",
      "delete pod solo --force",
      "delete pods --all",
      "delete deployments -l app=web",
      "label pod solo x=y",
      "label pods --all run-",
      "annotate pod solo x=y",
      "taint node n1 x=y:NoSchedule",
      "cordon n1",
      "drain n1 --force",
      "scale deploy/web --replicas=5",
      "autoscale deploy/web --max=3 --cpu=50%",
      "expose deploy/web --port=80",
      "run made --image=nginx",
      "run made --image=nginx --expose --port=80",
      "set image deploy/web main=nginx:2",
      "set env deploy/web A=b",
      "set resources deploy/web --limits=cpu=1",
      "set serviceaccount deploy/web made",
      "create deployment made --image=nginx",
      "create job made --image=nginx",
      "create job made --from=cronjob/cj",
      "create cronjob made --image=nginx --schedule='* * * * *'",
      "create configmap made --from-literal=a=b",
      "create secret generic made --from-literal=a=b",
      "create namespace made",
      "create serviceaccount made",
      "create service clusterip made --tcp=80",
      "create role made --verb=get --resource=pods",
      "create clusterrole made --verb=get --resource=pods",
      "create rolebinding made --role=made --user=a",
      "create clusterrolebinding made --clusterrole=view --user=a",
      "create quota made --hard=pods=1",
      "create pdb made --selector=a=b --min-available=1",
      "create priorityclass made --value=1",
      "create ingress made --rule=h/p=s:80",
      "auth reconcile -f " + files_.Write("role.yaml",
                                          "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, "
                                          "metadata: {name: made}, rules: []}"),
  };
  const std::string before = Everything();
  for (const std::string& line : lines) {
    for (const char* kind : {"client", "server"}) {
      // As kubectl, which says that it is not supported.
      if (line.starts_with("auth reconcile") && std::string_view(kind) == "server") continue;
      const Ran ran = cli_.Run(fmt::format("{} --dry-run={}", line, kind));
      EXPECT_EQ(ran.code, 0) << line << " " << kind << ": " << ran.err;
      EXPECT_EQ(Everything(), before) << line << " " << kind;
    }
  }
}

}  // namespace
}  // namespace skiff
