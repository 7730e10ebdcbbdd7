// Kinds that are described by what else there is, and objects that say less than most.
#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class DescribeKindsTest : public ProgramTest {
 protected:
  // What `describe` says, however wide its columns are.
  std::string Said(const std::string& type, const std::string& name, int code = 0) {
    EXPECT_EQ(Run("describe", {type, name, "--show-events=false"}), code) << err_;
    std::string said;
    for (const char c : out_) {
      if (c != ' ' || !said.ends_with(' ')) said += c;
    }
    return said;
  }
  void Serve(const std::map<std::string, Json>& answers) {
    std::map<std::string, std::string> texts;
    for (const auto& [path, answer] : answers) texts[path] = answer.dump();
    server_ = ServerOf("", {}, std::move(texts));
  }
  // Those of the core's in the namespace.
  static std::string Path(const std::string& rest) { return "/api/v1/namespaces/default/" + rest; }
  static Json Meta(const std::string& name) {
    return {{"name", name}, {"namespace", "default"}, {"uid", "uid-of-" + name}};
  }
};

TEST_F(DescribeKindsTest, AKindOfAnotherGroupIsNotTheOneOfTheSameName) {
  const std::string group = "serving.example.dev";
  server_ = ServerOf(group, {{"services", "Service"}},
                     {{"/apis/" + group + "/v1/namespaces/default/services/s",
                       R"({"apiVersion": "serving.example.dev/v1", "kind": "Service",
                           "metadata": {"name": "s", "namespace": "default"},
                           "spec": {"fooBar": "x"}})"}});
  const std::string said = Said("services." + group, "s");
  EXPECT_THAT(said, HasSubstr("Foo Bar: x\n"));
  EXPECT_THAT(said, Not(HasSubstr("Session Affinity")));
}

TEST_F(DescribeKindsTest, AClaimThatGrowsSaysHowFarItIs) {
  Json claim = {{"metadata", Meta("c")}, {"spec", {{"volumeName", "v"}}}};
  claim["status"]["accessModes"] = Json::array({"ReadWriteMany", "ReadWriteOnce"});
  claim["status"]["conditions"] = Json::array({Json{{"type", "FileSystemResizePending"},
                                                    {"status", "True"},
                                                    {"lastProbeTime", nullptr},
                                                    {"reason", "Waits"}}});
  Serve({{Path("persistentvolumeclaims/c"), claim}, {Path("pods"), {{"items", Json::array()}}}});
  const std::string said = Said("pvc", "c");
  EXPECT_THAT(said, HasSubstr("Capacity: 0\nAccess Modes: RWO,RWX\n"));
  EXPECT_THAT(said, HasSubstr("\n FileSystemResizePending True Mon, 01 Jan 0001 00:00:00 +0000 "
                              "Mon, 01 Jan 0001 00:00:00 +0000 Waits"));
}

TEST_F(DescribeKindsTest, AClaimIsUsedByThePodThatHasItForItself) {
  Json claim = {{"metadata", Meta("p-scratch")}, {"spec", Json::object()}};
  claim["metadata"]["ownerReferences"] =
      Json::array({{{"kind", "Pod"}, {"name", "p"}, {"uid", "uid-of-p"}}});
  claim["metadata"]["annotations"] = {{"volume.beta.kubernetes.io/storage-class", "old"}};
  Json user = {{"metadata", Meta("a")}};
  user["spec"]["volumes"] =
      Json::array({{{"persistentVolumeClaim", {{"claimName", "p-scratch"}}}}});
  const Json pods = {{"items", Json::array({Json{{"metadata", Meta("p")}}, user})}};
  Serve({{Path("persistentvolumeclaims/p-scratch"), claim}, {Path("pods"), pods}});
  const std::string said = Said("pvc", "p-scratch");
  EXPECT_THAT(said, HasSubstr("Used By: a\n p\n"));
  EXPECT_THAT(said, HasSubstr("StorageClass: old\n"));
  EXPECT_THAT(said, HasSubstr("Capacity: \n")) << "no volume is bound to it";
}

TEST_F(DescribeKindsTest, WhatMayNotBeReadIsNotSaidToBeNone) {
  const Json space = {{"metadata", {{"name", "n"}}}, {"status", {{"phase", "Active"}}}};
  Serve({{"/api/v1/namespaces/n", space}});
  const auto others = server_;
  EXPECT_THAT(Said("ns", "n"), Not(HasSubstr("No resource quota")))
      << "a server may have no such kind";
  server_ = [=](const http::Request& request) {
    http::Response response = others(request);
    if (!request.path.ends_with("/resourcequotas")) return response;
    response.status = 403;
    response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "not for you"})";
    return response;
  };
  EXPECT_EQ(Said("ns", "n", 1), "");
  EXPECT_EQ(err_, "Error from server (Forbidden): not for you\n");
}

TEST_F(DescribeKindsTest, WhatIsUsedOfAQuotaHasTheSuffixesOfWhatThereIs) {
  const Json quota = {{"metadata", Meta("q")},
                      {"status",
                       {{"hard", {{"memory", "1G"}, {"pods", "3"}, {"requests.storage", "10Gi"}}},
                        {"used", {{"memory", "512Mi"}, {"requests.storage", "1G"}}}}}};
  Serve({{Path("resourcequotas/q"), quota}});
  EXPECT_THAT(Said("quota", "q"),
              HasSubstr("memory 536870912 1G\npods 0 3\nrequests.storage 1000000000 10Gi\n"));
}

TEST_F(DescribeKindsTest, AnAutoscalerSaysWhatItDoesNotKnow) {
  const auto metric = [](const char* name, Json target) {
    return Json{{"type", "Resource"},
                {"resource", {{"name", name}, {"target", std::move(target)}}}};
  };
  Json scaler = {{"apiVersion", "autoscaling/v2"}, {"metadata", Meta("h")}};
  scaler["spec"]["metrics"] = Json::array(
      {metric("cpu", {{"type", "Utilization"}}), metric("memory", {{"averageUtilization", 50}}),
       metric("other", {{"averageValue", "1Gi"}}), Json{{"type", "New"}}});
  scaler["status"]["currentMetrics"] =
      Json::array({Json::object(),
                   {{"resource", {{"current", {{"averageUtilization", 7}}}}}},
                   {{"resource", {{"current", Json::object()}}}}});
  server_ = ServerOf(
      "", {},
      {{"/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h", scaler.dump()},
       {"/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h", scaler.dump()}});
  const std::string said = Said("hpa", "h");
  EXPECT_THAT(said,
              HasSubstr("resource cpu on pods (as a percentage of request): <unknown> / <auto>\n"));
  EXPECT_THAT(
      said, HasSubstr("resource memory on pods (as a percentage of request): 7% (<nil>) / 50%\n"));
  EXPECT_THAT(said, HasSubstr("resource other on pods: <nil> / 1Gi\n"));
  EXPECT_THAT(said, HasSubstr(" <unknown metric type \"New\">\n"));
}

// The slice of a service whose port leads to none of the pods' has no ports.
TEST_F(DescribeKindsTest, EndpointsWithoutAPortAreAddresses) {
  const auto endpoint = [](const char* address, bool ready) {
    return Json{{"addresses", {address}}, {"conditions", {{"ready", ready}}}};
  };
  Json slice = {{"metadata", Meta("s-1")}, {"ports", nullptr}};
  slice["endpoints"] = Json::array(
      {endpoint("10.0.0.1", true), endpoint("10.0.0.2", false), endpoint("fd00::3", true)});
  Json service = {{"metadata", Meta("s")}};
  service["spec"]["ports"] =
      Json::array({{{"port", 80}, {"protocol", "TCP"}, {"targetPort", "nope"}}});
  Json ingress = {{"metadata", Meta("i")}};
  ingress["spec"]["defaultBackend"] = {{"service", {{"name", "s"}, {"port", {{"number", 80}}}}}};
  const auto serve = [&] {
    Serve({{Path("services/s"), service},
           {"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
            {{"items", Json::array({slice})}}},
           {"/apis/networking.k8s.io/v1/namespaces/default/ingresses/i", ingress}});
  };
  serve();
  EXPECT_THAT(Said("svc", "s"), HasSubstr("Endpoints: 10.0.0.1,fd00::3\n"));
  EXPECT_THAT(Said("ing", "i"), HasSubstr("Default backend: s:80 (10.0.0.1,fd00::3)\n"));
  slice["ports"] = Json::array({{{"name", "other"}, {"port", 81}}});
  serve();
  EXPECT_THAT(Said("svc", "s"), HasSubstr("Endpoints: \n")) << "it has a port, of another name";
}

TEST_F(DescribeKindsTest, TermsOfASelectorStandInTheOrderOfTheirKeys) {
  Json budget = {{"metadata", Meta("b")}};
  budget["spec"]["selector"] = {
      {"matchLabels", {{"tier", "x"}}},
      {"matchExpressions",
       Json::array({{{"key", "app"}, {"operator", "In"}, {"values", {"b", "a"}}}})}};
  const std::string path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
  Serve({{path, budget}});
  EXPECT_THAT(Said("pdb", "b"), HasSubstr("Selector: app in (a,b),tier=x\n"));
  budget["spec"]["selector"] = Json::object();
  Serve({{path, budget}});
  EXPECT_THAT(Said("pdb", "b"), HasSubstr("Selector: <none>\n"));
  budget["spec"].erase("selector");
  Serve({{path, budget}});
  EXPECT_THAT(Said("pdb", "b"), HasSubstr("Selector: <unset>\n"));
}

TEST_F(DescribeKindsTest, ARequestThatIsDeniedIsNotSaidToBeApproved) {
  Json request = {{"metadata", {{"name", "r"}}}, {"spec", Json::object()}};
  const auto said = [&](std::vector<std::string> types) {
    Json& conditions = request["status"]["conditions"] = Json::array();
    for (const std::string& type : types) conditions.push_back({{"type", type}});
    Serve({{"/apis/certificates.k8s.io/v1/certificatesigningrequests/r", request}});
    return Said("csr", "r");
  };
  EXPECT_THAT(said({"Approved", "Denied"}), HasSubstr("Status: Denied\n"));
  EXPECT_THAT(said({"Failed"}), HasSubstr("Status: Pending,Failed\n"));
  EXPECT_THAT(said({"Approved", "Failed"}), HasSubstr("Status: Approved,Failed\n"));
}

}  // namespace
}  // namespace skiff::cli
