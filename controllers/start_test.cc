// Controllers decide nothing before they know all that they decide by: after a start, one kind's
// list may come long after the others.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "base/certificates.h"
#include "base/hash.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/listing_server_fixture.h"
#include "controllers/machinery/custom_kind_watches.h"
#include "controllers/program.h"
#include "controllers/scheduler/scheduler.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::IsEmpty;

// A Service with a pod behind it that a ReplicaSet has made, a budget and a quota for it, and so
// on: whatever the controllers below have something to do about.
class StartTest : public ListingServerTest {
 protected:
  StartTest() {
    PutWorkload();
    PutRest();
  }

  void PutWorkload() {
    Put("/api/v1/nodes", "/api/v1/nodes/n",
        {{"status",
          {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
           {"addresses", {{{"type", "InternalIP"}, {"address", "10.0.0.5"}}}},
           {"allocatable", {{"pods", "10"}, {"cpu", "1"}}}}}});
    Put("/api/v1/services", "/api/v1/namespaces/default/services/web",
        {{"spec",
          {{"selector", {{"app", "web"}}},
           {"ipFamilies", {"IPv4"}},
           {"clusterIP", "10.96.0.9"},
           {"ports", {{{"port", 80}, {"protocol", "TCP"}, {"targetPort", 80}}}}}}});
    const Json owner = {{"apiVersion", "apps/v1"},
                        {"kind", "ReplicaSet"},
                        {"name", "web"},
                        {"uid", "web"},
                        {"controller", true}};
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/web-1",
        {{"metadata", {{"labels", {{"app", "web"}}}, {"ownerReferences", {owner}}}},
         {"spec", {{"nodeName", "n"}, {"containers", {{{"name", "main"}}}}}},
         {"status",
          {{"phase", "Running"},
           {"podIPs", {{{"ip", "10.0.0.1"}}}},
           {"podIP", "10.0.0.1"},
           {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    Put("/apis/apps/v1/replicasets", "/apis/apps/v1/namespaces/default/replicasets/web",
        {{"spec", {{"replicas", 1}}}});
  }

  void PutRest() {
    Put("/apis/policy/v1/poddisruptionbudgets",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets/web",
        {{"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
    Put("/api/v1/resourcequotas", "/api/v1/namespaces/default/resourcequotas/few",
        {{"spec", {{"hard", {{"count/things.a.io", "5"}}}}}});
    Put("/apis/storage.k8s.io/v1/storageclasses", "/apis/storage.k8s.io/v1/storageclasses/local",
        {{"provisioner", "here"}, {"volumeBindingMode", "Immediate"}});
    Put("/api/v1/persistentvolumeclaims", "/api/v1/namespaces/default/persistentvolumeclaims/data",
        {{"spec", {{"storageClassName", "local"}}}});
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/new",
        {{"spec", {{"schedulerName", "default-scheduler"}, {"containers", {{{"name", "main"}}}}}},
         {"status", {{"phase", "Pending"}}}});
    PutCertificateRequest();
  }

  // A node's own, for an address that it says it has.
  void PutCertificateRequest() {
    const auto request = MakeCertificateRequest(NewSigningKey(KeyKind::kP256)->private_pem,
                                                {.common_name = "system:node:n",
                                                 .organizations = {"system:nodes"},
                                                 .ip_addresses = {"10.0.0.5"}});
    Put("/apis/certificates.k8s.io/v1/certificatesigningrequests",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests/serving",
        {{"spec",
          {{"signerName", certificates::kKubeletServingSigner},
           {"username", "system:node:n"},
           {"request", Base64(*request)},
           {"usages", {"digital signature", "server auth"}}}}});
  }
};

struct StartCase {
  const char* name;
  std::function<void(Manager&)> add;
  const char* awaited;  // The list that comes late.
  const char* writes;   // What is done once it is there.
};

void PrintTo(const StartCase& it, std::ostream* out) {
  *out << it.name << " " << it.awaited;
}

void AddDisruption(Manager& manager) {
  AddDisruptionController(manager);
}
void AddSlices(Manager& manager) {
  AddEndpointSliceController(manager, 100);
}
void AddBinderOfVolumes(Manager& manager) {
  ControllerOptions options;
  options.local_path_provisioners = {"here"};
  options.local_path_directory = "/volumes";
  AddVolumeBinder(manager, options);
}
void AddServing(Manager& manager) {
  AddServingApproving(manager, {});
}
void AddQuota(Manager& manager) {
  auto custom_kinds = std::make_unique<CustomKindWatches>(manager);
  AddResourceQuotaController(manager, *custom_kinds);
  manager.AddLoop(std::move(custom_kinds));
}
void AddSchedulerAlone(Manager& manager) {
  scheduler::AddScheduler(manager);
}

constexpr char kBudgetStatus[] =
    "PATCH /apis/policy/v1/namespaces/default/poddisruptionbudgets/web/status";
constexpr char kNewSlice[] = "POST /apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
constexpr char kNewVolume[] = "POST /api/v1/persistentvolumes";
constexpr char kApproval[] =
    "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/serving/approval";
constexpr char kQuotaStatus[] = "PUT /api/v1/namespaces/default/resourcequotas/few/status";
constexpr char kBinding[] = "POST /api/v1/namespaces/default/pods/new/binding";

class AwaitedListTest : public StartTest, public testing::WithParamInterface<StartCase> {};
INSTANTIATE_TEST_SUITE_P(
    Controllers, AwaitedListTest,
    testing::Values(
        StartCase{"disruption", AddDisruption, "/apis/apps/v1/replicasets", kBudgetStatus},
        StartCase{"disruption", AddDisruption, "/apis/apps/v1/deployments", kBudgetStatus},
        StartCase{"disruption", AddDisruption, "/apis/apps/v1/statefulsets", kBudgetStatus},
        StartCase{"disruption", AddDisruption, "/api/v1/replicationcontrollers", kBudgetStatus},
        StartCase{"slices", AddSlices, "/api/v1/nodes", kNewSlice},
        StartCase{"volumes", AddBinderOfVolumes, "/api/v1/nodes", kNewVolume},
        StartCase{"volumes", AddBinderOfVolumes, "/api/v1/pods", kNewVolume},
        StartCase{"certificates", AddServing, "/apis/networking.k8s.io/v1/servicecidrs", kApproval},
        StartCase{"certificates", AddServing, "/api/v1/configmaps", kApproval},
        StartCase{"certificates", AddServing, "/apis/discovery.k8s.io/v1/endpointslices",
                  kApproval},
        StartCase{"quota", AddQuota,
                  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kQuotaStatus},
        StartCase{"scheduler", AddSchedulerAlone, "/apis/policy/v1/poddisruptionbudgets", kBinding},
        StartCase{"scheduler", AddSchedulerAlone, "/api/v1/services", kBinding},
        StartCase{"scheduler", AddSchedulerAlone, "/apis/apps/v1/replicasets", kBinding},
        StartCase{"scheduler", AddSchedulerAlone, "/apis/apps/v1/statefulsets", kBinding},
        StartCase{"scheduler", AddSchedulerAlone, "/api/v1/replicationcontrollers", kBinding}));

TEST_P(AwaitedListTest, NothingIsWrittenBeforeItIsThere) {
  GetParam().add(manager_);
  refused_ = {GetParam().awaited};
  Run(20s);
  EXPECT_THAT(written(), IsEmpty());
  refused_.clear();
  Run(1min);
  EXPECT_THAT(written(), Contains(GetParam().writes));
}

}  // namespace
}  // namespace skiff
