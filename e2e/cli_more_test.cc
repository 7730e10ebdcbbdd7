// kubectl's other verbs against the real API server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/cli_harness.h"
#include "e2e/pod_runner.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr char kNode[] = "{apiVersion: v1, kind: Node, metadata: {name: n1}}";
constexpr char kDeployment[] = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: nginx}]}
)";

class CliMoreTest : public testing::Test {
 protected:
  CliCluster cli_;
  ScratchFolder files_;
};

TEST_F(CliMoreTest, ExplainsFieldsFromTheServersSchema) {
  EXPECT_THAT(cli_.Out("explain deploy.spec.strategy"),
              StartsWith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: "
                         "strategy <DeploymentStrategy>\n"));
  EXPECT_THAT(cli_.Out("explain pod.spec.containers"), HasSubstr("  name\t<string> -required-\n"));
  EXPECT_THAT(cli_.Out("explain pod.spec.restartPolicy"),
              HasSubstr("ENUM:\n    Always\n    Never\n    OnFailure\n"));
  EXPECT_THAT(
      cli_.Out("explain deploy.spec.strategy --recursive"),
      HasSubstr("  rollingUpdate\t<RollingUpdateDeployment>\n    maxSurge\t<IntOrString>\n"));
  const Ran wrong = cli_.Run("explain pod.nope");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "error: field \"nope\" does not exist\n");
  EXPECT_EQ(cli_.Error("explain foo"), "the server doesn't have a resource type \"foo\"\n");
}

TEST_F(CliMoreTest, FindsCustomKindsByCategoryAndReplacesTheirObjects) {
  cli_.SettleAfterWrites();
  cli_.Out("create -f -", R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.acme.io}
spec:
  group: acme.io
  scope: Namespaced
  names: {plural: widgets, kind: Widget, categories: [all, acme]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object,
        description: What it does., properties: {podIP: {type: string}}}}}}
)");
  EXPECT_THAT(cli_.Out("explain widgets.spec"),
              StartsWith("GROUP:      acme.io\nKIND:       Widget\nVERSION:    v1\n\nFIELD: spec "
                         "<Object>\n"));
  EXPECT_THAT(cli_.Out("explain widgets.spec"), HasSubstr("  podIP\t<string>\n"));
  const std::string described = cli_.Out("describe crd widgets.acme.io");
  EXPECT_THAT(described, StartsWith("Name:         widgets.acme.io\nNamespace:    \nLabels:       "
                                    "<none>\nAnnotations:  <none>\nAPI Version:  "));
  EXPECT_THAT(described, HasSubstr("    Schema:\n      openAPIV3Schema:\n"));
  EXPECT_THAT(described, HasSubstr("            Pod Ip:\n"));
  EXPECT_THAT(described, HasSubstr("  Categories:\n      all\n      acme\n"));
  const std::string widget = "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: a}}";
  cli_.Out("create -f -", widget);
  EXPECT_THAT(cli_.Out("get all -o name"), HasSubstr("widget.acme.io/a\n"));
  EXPECT_EQ(cli_.Out("get acme -o name"), "widget.acme.io/a\n");
  EXPECT_EQ(cli_.Out("replace -f -", widget), "widget.acme.io/a replaced\n");
}

TEST_F(CliMoreTest, TaintsCordonsAndDrainsNodes) {
  cli_.Out("create -f -", kNode);
  EXPECT_EQ(cli_.Out("taint node n1 k=v:NoSchedule"), "node/n1 tainted\n");
  EXPECT_EQ(cli_.Error("taint node n1 k=w:NoSchedule"),
            "error: node n1 already has k taint(s) with same effect(s) and --overwrite is false\n");
  EXPECT_EQ(cli_.Out("taint node n1 k=w:NoSchedule --overwrite"), "node/n1 modified\n");
  EXPECT_EQ(cli_.Out("taint node n1 k-"), "node/n1 untainted\n");
  EXPECT_EQ(cli_.Error("taint node n1 k-"), "error: taint \"k\" not found\n");
  EXPECT_EQ(cli_.Out("cordon n1"), "node/n1 cordoned\n");
  EXPECT_EQ(cli_.Out("cordon n1"), "node/n1 already cordoned\n");
  EXPECT_EQ(cli_.Object("node/n1")["spec"]["unschedulable"], true);
  EXPECT_EQ(cli_.Out("uncordon n1"), "node/n1 uncordoned\n");
  cli_.Out("run lonely --image=x --overrides='{\"spec\":{\"nodeName\":\"n1\"}}'");
  const Ran refused = cli_.Run("drain n1");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.out, "node/n1 cordoned\n");
  EXPECT_EQ(refused.err,
            "error: unable to drain node \"n1\" due to error: cannot delete Pods that declare no "
            "controller (use --force to override): default/lonely, continuing command...\nThere "
            "are pending nodes to be drained:\n n1\ncannot delete Pods that declare no controller "
            "(use --force to override): default/lonely\n");
  EXPECT_EQ(cli_.Out("drain n1 --force --dry-run=client"),
            "node/n1 already cordoned (dry run)\nevicting pod default/lonely (dry run)\nnode/n1 "
            "drained (dry run)\n");
}

TEST_F(CliMoreTest, SaysWhoMayDoWhat) {
  EXPECT_EQ(cli_.Out("auth can-i get pods"), "yes\n");
  EXPECT_EQ(cli_.Run("auth can-i get foos").err,
            "Warning: the server doesn't have a resource type 'foos'\n\n");
  EXPECT_THAT(cli_.Out("auth whoami"), StartsWith("ATTRIBUTE   VALUE\nUsername"));
  EXPECT_THAT(cli_.Error("auth can-i get"), StartsWith("error: you must specify two arguments"));
}

TEST_F(CliMoreTest, ReconcilesRolesAndBindings) {
  constexpr char kRole[] = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: fresh}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}])";
  const Ran made = cli_.Run("auth reconcile -f -", kRole);
  EXPECT_EQ(made.out, "role.rbac.authorization.k8s.io/r reconciled\n");
  EXPECT_EQ(made.err,
            "\treconciliation required create\n\tmissing rules added:\n\t\t{Verbs:[get list] "
            "APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n");
  EXPECT_EQ(cli_.Run("auth reconcile -f -", kRole).err, "");
  const std::string more = std::string(kRole).replace(std::string(kRole).find("pods"), 4, "nodes");
  EXPECT_EQ(cli_.Run("auth reconcile --dry-run=client -f -", more).out,
            "role.rbac.authorization.k8s.io/r reconciled (dry run)\n");
  EXPECT_EQ(cli_.Object("role/r", "fresh")["rules"].size(), 1u);
  EXPECT_EQ(cli_.Run("auth reconcile --remove-extra-permissions -f -", more).err,
            "\treconciliation required update\n\tmissing rules added:\n"
            "\t\t{Verbs:[get] APIGroups:[] Resources:[nodes] ResourceNames:[] "
            "NonResourceURLs:[]}\n"
            "\t\t{Verbs:[list] APIGroups:[] Resources:[nodes] ResourceNames:[] "
            "NonResourceURLs:[]}\n"
            "\textra rules removed:\n"
            "\t\t{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[] "
            "NonResourceURLs:[]}\n"
            "\t\t{Verbs:[list] APIGroups:[] Resources:[pods] ResourceNames:[] "
            "NonResourceURLs:[]}\n");
  EXPECT_EQ(cli_.Object("role/r", "fresh")["rules"][0]["resources"], Json({"nodes"}));
  const auto binding = [](const std::string& role, const std::string& user) {
    return "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: "
           "b}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " +
           role + "}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user +
           "}]}";
  };
  cli_.Out("auth reconcile -f -", binding("view", "ann"));
  EXPECT_EQ(cli_.Run("auth reconcile -f -", binding("view", "ben")).err,
            "\treconciliation required update\n\tmissing subjects added:\n\t\t{Kind:User "
            "APIGroup:rbac.authorization.k8s.io Name:ben Namespace:}\n");
  EXPECT_EQ(cli_.Object("clusterrolebinding/b")["subjects"].size(), 2u);
  EXPECT_EQ(cli_.Run("auth reconcile -f -", binding("edit", "ben")).err,
            "\treconciliation required recreate\n");
  EXPECT_EQ(cli_.Object("clusterrolebinding/b")["roleRef"]["name"], "edit");
  EXPECT_EQ(cli_.Error("auth reconcile"), "error: must specify one of -f and -k\n");
  EXPECT_EQ(cli_.Error("auth reconcile --dry-run=server -f x"),
            "error: --dry-run=server for command reconcile is not supported yet\n");
}

TEST_F(CliMoreTest, CreatesRolesBudgetsAndIngresses) {
  EXPECT_EQ(cli_.Out("create role r --verb=get,list --resource=pods,deployments.apps,pods/log"),
            "role.rbac.authorization.k8s.io/r created\n");
  EXPECT_EQ(cli_.Object("role/r")["rules"],
            Json::parse(R"([{"apiGroups": [""], "resources": ["pods", "pods/log"],
                "verbs": ["get", "list"]}, {"apiGroups": ["apps"],
                "resources": ["deployments"], "verbs": ["get", "list"]}])"));
  EXPECT_EQ(cli_.Out("create rolebinding b --role=r --serviceaccount=default:a"),
            "rolebinding.rbac.authorization.k8s.io/b created\n");
  EXPECT_EQ(cli_.Error("create rolebinding c"),
            "error: exactly one of clusterrole or role must be specified\n");
  EXPECT_EQ(cli_.Out("create pdb p --selector=a=b --min-available=50%"),
            "poddisruptionbudget.policy/p created\n");
  EXPECT_EQ(cli_.Object("pdb/p")["spec"]["minAvailable"], "50%");
  EXPECT_EQ(cli_.Out("create quota q --hard=pods=2"), "resourcequota/q created\n");
  EXPECT_EQ(cli_.Out("create priorityclass c --value=5"),
            "priorityclass.scheduling.k8s.io/c created\n");
  EXPECT_EQ(cli_.Out("create cronjob c --image=x --schedule='0 0 * * *'"),
            "cronjob.batch/c created\n");
  EXPECT_EQ(cli_.Out("create ingress i --rule=a.com/x*=svc:80,tls=sec"),
            "ingress.networking.k8s.io/i created\n");
  const Json spec = cli_.Object("ingress/i")["spec"];
  EXPECT_EQ(spec["rules"][0]["http"]["paths"][0]["pathType"], "Prefix");
  EXPECT_EQ(spec["tls"][0]["secretName"], "sec");
  EXPECT_EQ(cli_.Error("create ingress i --rule=wrong"),
            "error: rule wrong is invalid and should be in format "
            "host/path=svcname:svcport[,tls[=secret]]\n");
}

TEST_F(CliMoreTest, SetsPartsOfPodTemplates) {
  cli_.Out("create -f -", kDeployment);
  cli_.Out("create cm c --from-literal=key.one=1");
  EXPECT_EQ(cli_.Out("set env deploy/web A=1 B=2"), "deployment.apps/web env updated\n");
  EXPECT_EQ(cli_.Out("set env deploy/web A=1"), "");
  EXPECT_EQ(cli_.Out("set env deploy/web A-"), "deployment.apps/web env updated\n");
  EXPECT_EQ(cli_.Run("set env deploy/web --from=cm/c").err,
            "Warning: key key.one transferred to KEY_ONE\n");
  EXPECT_EQ(cli_.Out("set env deploy/web --list"),
            "# Deployment web, container main\nB=2\n# KEY_ONE from configmap c, key key.one\n");
  EXPECT_EQ(cli_.Out("set resources deploy/web --limits=cpu=1"),
            "deployment.apps/web resource requirements updated\n");
  EXPECT_EQ(cli_.Out("set sa deploy/web robot"), "deployment.apps/web serviceaccount updated\n");
  const Json spec = cli_.Object("deploy/web")["spec"]["template"]["spec"];
  EXPECT_EQ(spec["serviceAccountName"], "robot");
  EXPECT_EQ(spec["containers"][0]["resources"]["limits"]["cpu"], "1");
  cli_.Out("create service clusterip s --tcp=80");
  EXPECT_EQ(cli_.Out("set selector svc/s x=y"), "service/s selector updated\n");
  EXPECT_EQ(cli_.Object("svc/s")["spec"]["selector"], Json({{"x", "y"}}));
  EXPECT_EQ(cli_.Error("set image cm/c a=b"),
            "error: configmaps/c the object is not a pod or does not have a pod template: "
            "*v1.ConfigMap\n");
}

TEST_F(CliMoreTest, EditsInTheUsersEditor) {
  cli_.Out("create cm c --from-literal=color=blue");
  cli_.SetVariable("KUBE_EDITOR", "sed -i s/blue/red/");
  EXPECT_EQ(cli_.Out("edit cm c"), "configmap/c edited\n");
  EXPECT_EQ(cli_.Object("cm/c")["data"]["color"], "red");
  EXPECT_EQ(cli_.Run("edit cm c").err, "Edit cancelled, no changes made.\n");
  cli_.SetVariable("KUBE_EDITOR", "false");
  EXPECT_EQ(cli_.Run("edit cm c").err, "error: there was a problem with the editor \"false\"\n");
}

TEST_F(CliMoreTest, ShowsWhatAnApplyWouldChange) {
  const std::string old_map =
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '1'}}";
  const std::string new_map =
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '2'}}";
  cli_.Out("apply -f -", old_map);
  EXPECT_EQ(cli_.Out("diff -f -", old_map), "");
  const Ran changed = cli_.Run("diff -f -", new_map);
  EXPECT_EQ(changed.code, 1);
  EXPECT_THAT(changed.out, HasSubstr("-  a: \"1\"\n+  a: \"2\"\n"));
  EXPECT_EQ(cli_.Object("cm/m")["data"]["a"], "1") << "a diff changes nothing";
}

TEST_F(CliMoreTest, TakesOverWhatWasAppliedByAClient) {
  const std::string map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '1'}}";
  cli_.Out("apply -f -", map);
  EXPECT_EQ(cli_.Out("apply --server-side -f -", map), "configmap/m serverside-applied\n");
  const Ran conflict =
      cli_.Run("apply --server-side --field-manager=other -f -",
               "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '2'}}");
  EXPECT_THAT(
      conflict.err,
      StartsWith("error: Apply failed with 1 conflict: conflict with \"kubectl\": .data.a\n"));
  EXPECT_EQ(cli_.Out("apply view-last-applied cm/m"),
            "apiVersion: v1\ndata:\n  a: \"1\"\nkind: ConfigMap\nmetadata:\n  "
            "name: m\n  namespace: default\n");
}

TEST_F(CliMoreTest, RefusesBadManifestsInKubectlsWords) {
  const std::string pod =
      files_.Write("pod.yaml",
                   "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {nope: 1, containers: "
                   "[{name: c, image: i}]}}");
  EXPECT_EQ(cli_.Error("create -f " + pod),
            "Error from server (BadRequest): error when creating \"" + pod +
                "\": Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: "
                "unknown field \"spec.nope\"\n");
  const Ran warned = cli_.Run("create --validate=warn -f " + pod);
  EXPECT_EQ(warned.err, "Warning: unknown field \"spec.nope\"\n");
  EXPECT_EQ(warned.out, "pod/x created\n");
  EXPECT_EQ(cli_.Error("create -f -", "{apiVersion: e.com/v1, kind: Foo, metadata: {name: f}}"),
            "error: resource mapping not found for name: \"f\" namespace: \"\" from \"STDIN\": no "
            "matches for kind \"Foo\" in version \"e.com/v1\"\nensure CRDs are installed first\n");
  EXPECT_EQ(cli_.Error("create -f -", "{kind: Pod, metadata: {name: f}}"),
            "error: error validating \"STDIN\": error validating data: apiVersion not set; if you "
            "choose to ignore these errors, turn validation off with --validate=false\n");
  EXPECT_EQ(cli_.Error("create -f -", "a: {b"),
            "error: error parsing STDIN: error converting YAML to JSON: yaml: line 1: did not find "
            "expected ',' or '}'\n");
  EXPECT_EQ(cli_.Error("create -f none.yaml"), "error: the path \"none.yaml\" does not exist\n");
  EXPECT_EQ(cli_.Error("create -f -",
                       "{apiVersion: v1, kind: Pod, metadata: {name: X}, spec: {containers: []}}"),
            cli_.Error("apply -f -",
                       "{apiVersion: v1, kind: Pod, metadata: {name: X}, spec: {containers: []}}"));
  EXPECT_THAT(cli_.Error("create -k nowhere"), StartsWith("error: must build at directory: "));
}

TEST_F(CliMoreTest, DescribesWhatHoldsANamespace) {
  cli_.Out("create ns held");
  cli_.cluster().Edit<core_v1::Namespace>(
      {"", "held"},
      [](core_v1::Namespace& it) {
        auto& condition = it.status.conditions.emplace_back();
        condition.type = "NamespaceContentRemaining";
        condition.status = "True";
        condition.reason = "SomeResourcesRemain";
        condition.message = "Some resources are remaining: pods. has 1 resource instances";
        condition.last_transition_time = Time(TimePoint(1'700'000'000s));
      },
      true);
  EXPECT_EQ(cli_.Out("describe ns held"),
            "Name:         held\nLabels:       kubernetes.io/metadata.name=held\n"
            "Annotations:  <none>\nStatus:       Active\nConditions:\n"
            "  Type                       Status  LastTransitionTime               Reason   "
            "            Message\n"
            "  ----                       ------  ------------------               ------   "
            "            -------\n"
            "  NamespaceContentRemaining  True    Tue, 14 Nov 2023 22:13:20 +0000  "
            "SomeResourcesRemain  Some resources are remaining: pods. has 1 resource instances\n"
            "\nNo resource quota.\n\nNo LimitRange resource.\n");
}

TEST_F(CliMoreTest, DescribesKindsAsKubectlDoes) {
  cli_.Out("create role reader --verb=get,list --resource=pods");
  EXPECT_EQ(cli_.Out("describe role reader"),
            "Name:         reader\nLabels:       <none>\nAnnotations:  <none>\nPolicyRule:\n"
            "  Resources  Non-Resource URLs  Resource Names  Verbs\n"
            "  ---------  -----------------  --------------  -----\n"
            "  pods       []                 []              [get list]\n");
  cli_.Out("create pdb p --selector=a=b --min-available=1");
  EXPECT_EQ(cli_.Out("describe pdb p"),
            "Name:           p\nNamespace:      default\nMin available:  1\nSelector:       a=b\n"
            "Status:\n    Allowed disruptions:  0\n    Current:              0\n    Desired:      "
            "        0\n    Total:                0\nEvents:                   <none>\n");
  cli_.Out("create sa robot");
  EXPECT_EQ(
      cli_.Out("describe sa robot"),
      "Name:                robot\nNamespace:           default\nLabels:              <none>\n"
      "Annotations:         <none>\nImage pull secrets:  <none>\nEvents:              "
      "<none>\n");
  EXPECT_EQ(cli_.Error("describe"),
            "error: You must specify the type of resource to describe. Use \"kubectl "
            "api-resources\" for a complete list of supported resources.\n");
}

TEST_F(CliMoreTest, PrintsByGoTemplates) {
  cli_.Out("create cm a --from-literal=k=v");
  EXPECT_EQ(cli_.Out("get cm a -o go-template='{{.metadata.name}}:{{index .data \"k\"}}'"), "a:v");
  EXPECT_EQ(cli_.Out("get cm -o template --template='{{range .items}}{{.metadata.name}} {{end}}'"),
            "a ");
  const std::string columns = files_.Write("columns", "NAME K\nmetadata.name data.k\n");
  EXPECT_EQ(cli_.Out("get cm -o custom-columns-file=" + columns), "NAME   K\na      v\n");
  EXPECT_EQ(cli_.Out("get cm a -o kyaml").substr(0, 24), "---\n{\n  apiVersion: \"v1\"");
}

TEST(CliRunTest, ShowsTheLogOfWhatItCannotAttachTo) {
  CliCluster cli(
      {.run_controllers = false, .add_parts = [](Manager& manager) { AddPodRunner(manager); }});
  cli.SettleAfterWrites();
  cli.Out("create -f -", kNode);
  // Nobody listens where it attaches, nor where this node's kubelet would be asked for a log.
  const Ran ran = cli.Run("run p --server=http://127.0.0.1:1 --image=x -i --rm -q");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, MatchesRegex("warning: couldn't attach to pod/p, falling back to streaming "
                                    "logs: [^\n]+\nError from server \\(ServiceUnavailable\\): "
                                    "this server has no way to reach kubelets\n"));
  EXPECT_EQ(ran.out, "") << "of a quiet session nothing is told, its end included";
  EXPECT_EQ(cli.Object("pod/p"), Json()) << "removed all the same";
}

TEST_F(CliMoreTest, CompletesWords) {
  cli_.Out("create cm abc");
  cli_.Out("create cm abd");
  EXPECT_EQ(cli_.Out("__complete get cm ab"), "abc\nabd\n:4\n");
  EXPECT_EQ(cli_.Out("__complete desc"), "describe\n:4\n");
  EXPECT_THAT(cli_.Out("completion bash"), HasSubstr("complete -o default -F"));
}

TEST_F(CliMoreTest, KnowsNoVerbOfThatName) {
  EXPECT_EQ(
      cli_.Error("gett"),
      "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n");
  EXPECT_EQ(cli_.Error("top node"), "error: Metrics API not available\n");
  EXPECT_EQ(cli_.Error("kustomise"),
            "error: unknown command \"kustomise\" for \"kubectl\"\n\nDid you mean this?\n"
            "\tkustomize\n");
}

}  // namespace
}  // namespace skiff
