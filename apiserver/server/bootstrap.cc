#include "apiserver/server/bootstrap.h"

#include <array>
#include <atomic>
#include <optional>
#include <thread>

#include "api/openapi/discovery.h"
#include "api/rules/core/ip.h"
#include "api/rules/identity/rbac_reconcile.h"
#include "apiserver/aggregation/api_services.h"
#include "apiserver/auth/bootstrap_rbac.h"
#include "apiserver/identity/token_tracking.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/server/authentication_map.h"
#include "apiserver/server/flow_control_revision.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kLog("apiserver");
constexpr int kStartWriters = 4;
constexpr std::string_view kFlowGroup = "flowcontrol.apiserver.k8s.io";
constexpr const char* kFlowProducer = "api-priority-and-fairness-config-producer-v1";

Json Named(std::string_view api_version, std::string_view kind, std::string_view name,
           std::string_view namespace_name = "") {
  Json object = {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
  if (!namespace_name.empty()) object["metadata"]["namespace"] = namespace_name;
  return object;
}

Json PriorityClass(const char* name, int value, const char* description) {
  Json object = Named("scheduling.k8s.io/v1", "PriorityClass", name);
  object["value"] = value;
  object["description"] = description;
  return object;
}

Json KubernetesService(const StartOptions& options) {
  Json service = Named("v1", "Service", "kubernetes", "default");
  service["metadata"]["labels"] = {{"component", "apiserver"}, {"provider", "kubernetes"}};
  service["spec"] = {{"type", "ClusterIP"},
                     {"clusterIP", options.first_service_ip},
                     {"ipFamilyPolicy", "SingleStack"},
                     {"sessionAffinity", "None"},
                     {"ports",
                      {{{"name", "https"},
                        {"protocol", "TCP"},
                        {"port", 443},
                        {"targetPort", options.secure_port}}}}};
  return service;
}

Json KubernetesEndpoints(const StartOptions& options) {
  Json endpoints = Named("v1", "Endpoints", "kubernetes", "default");
  endpoints["metadata"]["labels"] = {{"endpointslice.kubernetes.io/skip-mirror", "true"}};
  endpoints["subsets"] = {
      {{"addresses", {{{"ip", options.advertise_address}}}},
       {"ports", {{{"name", "https"}, {"port", options.secure_port}, {"protocol", "TCP"}}}}}};
  return endpoints;
}

Json KubernetesEndpointSlice(const StartOptions& options) {
  const auto address = ParseIp(options.advertise_address);
  Json slice = Named("discovery.k8s.io/v1", "EndpointSlice", "kubernetes", "default");
  slice["metadata"]["labels"] = {{"kubernetes.io/service-name", "kubernetes"}};
  slice["addressType"] = address && address->v6 ? "IPv6" : "IPv4";
  slice["endpoints"] = {
      {{"addresses", {options.advertise_address}}, {"conditions", {{"ready", true}}}}};
  slice["ports"] = {{{"name", "https"}, {"port", options.secure_port}, {"protocol", "TCP"}}};
  return slice;
}

Json AuthenticationConfig(const StartOptions& options) {
  Json map = Named("v1", "ConfigMap", kAuthenticationMap, "kube-system");
  map["data"] = AuthenticationData(options.client_ca_pem, options.front_proxy, options.now);
  return map;
}

Json ServiceCidr(const StartOptions& options) {
  Json cidr = Named("networking.k8s.io/v1", "ServiceCIDR", "kubernetes");
  cidr["spec"] = {{"cidrs", options.service_ranges}};
  cidr["status"]["conditions"] = {{{"type", "Ready"},
                                   {"status", "True"},
                                   {"lastTransitionTime", Time(options.now).Rfc3339()},
                                   {"reason", ""},
                                   {"message", "Kubernetes default Service CIDR is ready"}}};
  return cidr;
}

// One for each group and version that is served here.
void AddApiServices(std::span<const KindInfo* const> kinds, std::vector<Json>& objects) {
  for (const ServedVersion& served : ServedVersions(kinds)) {
    if (served.group == "apiregistration.k8s.io") continue;
    Json object = Named("apiregistration.k8s.io/v1", "APIService",
                        std::string(served.version) + "." + std::string(served.group));
    object["metadata"]["labels"] = {{kAutoManagedLabel, "onstart"}};
    object["spec"] = {{"group", served.group},
                      {"version", served.version},
                      {"groupPriorityMinimum", served.group_priority},
                      {"versionPriority", served.version_priority}};
    objects.push_back(std::move(object));
  }
}

void AddRbac(std::vector<Json>& objects) {
  for (const auto text :
       {kBootstrapRoles, kBootstrapControllerRoles, kBootstrapBindings, kBootstrapOwnRoles}) {
    for (Json& object : ParseBootstrapRbac(text)) objects.push_back(std::move(object));
  }
}

RecordPtr RecordOf(Core& core, const KindInfo& kind, const Json& object) {
  const Json& metadata = object["metadata"];
  auto found =
      core.store.Get(KeyOf(kind, metadata.value("namespace", ""), metadata.value("name", "")));
  return found ? *std::move(found) : nullptr;
}

}  // namespace

std::vector<Json> StartObjects(const StartOptions& options) {
  std::vector<Json> objects;
  for (const char* name : {"kube-system", "kube-public", "default", "kube-node-lease"}) {
    objects.push_back(Named("v1", "Namespace", name));
  }
  objects.push_back(PriorityClass(
      "system-node-critical", 2000001000,
      "Used for system critical pods that must not be moved from their current node."));
  objects.push_back(PriorityClass("system-cluster-critical", 2000000000,
                                  "Used for system critical pods that must run in the cluster, "
                                  "but can be moved to another node if necessary."));
  if (options.has_rbac) AddRbac(objects);
  for (Json& object : FlowControlObjects()) objects.push_back(std::move(object));
  AddApiServices(options.kinds, objects);
  objects.push_back(ServiceCidr(options));
  objects.push_back(KubernetesService(options));
  // Nobody else reaches a server that only has its loopback address, and endpoints may not name it.
  if (options.owns_endpoints && !options.advertise_address.starts_with("127.")) {
    objects.push_back(KubernetesEndpoints(options));
    objects.push_back(KubernetesEndpointSlice(options));
  }
  if (!options.client_ca_pem.empty() || !options.front_proxy.client_ca_pem.empty()) {
    objects.push_back(AuthenticationConfig(options));
  }
  objects.push_back(TokenTracking(options.now));
  return objects;
}

namespace {

constexpr int kRecreateTriesMax = 3;

void LogNotMended(const KindInfo& kind, const Json& wanted, const Error& error) {
  // As in Kubernetes the others are mended all the same, and the server runs.
  kLog.Error("default role not mended", {{"kind", kind.kind},
                                         {"name", wanted["metadata"].value("name", "")},
                                         {"error", error.message}});
}

// No binding changes its role: one of another role goes, and comes anew. Conflict: somebody else
// changed it meanwhile.
Result<> Recreate(Core& core, ApiRequest& own, const Json& present, const Json& wanted) {
  const Json& metadata = wanted["metadata"];
  const std::string name = metadata.value("name", "");
  own.info.namespace_name = metadata.value("namespace", "");
  const auto removed = core.remover.Delete(own, own.info.namespace_name, name,
                                           {.uid = present["metadata"].value("uid", "")});
  if (!removed && removed.error().reason != Reason::kNotFound) return Fail(removed.error());
  Object object = TRY(Object::FromDocument(*own.kind, wanted));
  const auto made = core.writer.Create(own, std::move(object), {});
  if (!made) return Fail(made.error());
  kLog.Info("default binding recreated, it was one of another role",
            {{"kind", own.kind->kind}, {"name", name}});
  return {};
}

Result<> RecreateBinding(Core& core, ApiRequest& own, Json present, const Json& wanted) {
  for (int tries = 1;; ++tries) {
    const auto recreated = Recreate(core, own, present, wanted);
    if (recreated) return {};
    const Reason reason = recreated.error().reason;
    const bool was_beaten = reason == Reason::kConflict || reason == Reason::kAlreadyExists;
    if (!was_beaten || tries == kRecreateTriesMax) {
      LogNotMended(*own.kind, wanted, recreated.error());
      return {};
    }
    const RecordPtr record = RecordOf(core, *own.kind, wanted);
    if (record == nullptr) continue;
    present = TRY(DocumentOf(*own.kind, *record));
    const ReconciledRbac next = TRY(ReconcileRbac(present, wanted, {}));
    if (next.need != RbacNeed::kRecreate || next.is_protected) return {};
  }
}

Result<> MendRbac(Core& core, ApiRequest& own, const Record& present, const Json& wanted) {
  const KindInfo& kind = *own.kind;
  const Json document = TRY(DocumentOf(kind, present));
  const Json& metadata = wanted["metadata"];
  const auto wants = [](const ReconciledRbac& next) {
    return next.need == RbacNeed::kUpdate && !next.is_protected;
  };
  const auto next = ReconcileRbac(document, wanted, {});
  if (!next) {
    LogNotMended(kind, wanted, next.error());
    return {};
  }
  if (next->need == RbacNeed::kRecreate && !next->is_protected) {
    return RecreateBinding(core, own, document, wanted);
  }
  if (!wants(*next)) return {};
  own.info.namespace_name = metadata.value("namespace", "");
  const auto mended = core.writer.Update(
      own, metadata.value("name", ""), {}, {.check_version = false},
      [&](const Object& old) -> Result<Object> {
        const Json before = old.ToDocument();
        const ReconciledRbac now = TRY(ReconcileRbac(before, wanted, {}));
        return Object::FromDocument(kind, wants(now) ? now.object : before);
      });
  return mended ? Result<>() : Fail(mended.error());
}

// Earlier versions gave nodes more than Kubernetes does.
Result<> EndSuperseded(Core& core, const http::Request& request) {
  constexpr std::string_view kNames[] = {"skiff:node-proxier", "skiff:node-dns",
                                         "skiff:node-volume-reclaimer"};
  const KindInfo& kind = rbac_v1::ClusterRoleBinding::Info();
  for (const std::string_view name : kNames) {
    const auto record = core.store.Get(KeyOf(kind, "", name));
    if (!record) continue;
    const auto view = ObjectView::Of(**record);
    if (!view || view->label("kubernetes.io/bootstrapping") != "rbac-defaults") continue;
    ApiRequest own{.http = request,
                   .info = {},
                   .user = LoopbackUser(),
                   .now = core.clock.Now(),
                   .kind = &kind,
                   .own = true};
    TRY(core.remover.Delete(own, "", std::string(name), {}));
  }
  return {};
}

// A cluster that has got a second family keeps its first range. One that differs is its owner's to
// replace, as in Kubernetes.
Result<> WidenServiceRange(Core& core, ApiRequest& own, const Record& present, const Json& wanted) {
  const Json& cidrs = wanted["spec"]["cidrs"];
  const auto wants = [&](const Json& document) {
    return cidrs.size() == 2 && document["spec"]["cidrs"] == Json::array({cidrs[0]});
  };
  if (!wants(TRY(DocumentOf(*own.kind, present)))) return {};
  const auto widened = core.writer.Update(
      own, wanted["metadata"]["name"], {}, {.check_version = false},
      [&](const Object& old) -> Result<Object> {
        Json document = old.ToDocument();
        if (wants(document)) document["spec"]["cidrs"] = cidrs;
        return Object::FromDocument(*own.kind, document);
      });
  return widened ? Result<>() : Fail(widened.error());
}

// Whether it was not as it should be.
Result<bool> ReviseOne(Core& core, const http::Request& request, const Json& wanted) {
  const KindInfo& kind =
      *FindKind(wanted["apiVersion"].get<std::string>(), wanted["kind"].get<std::string>());
  const RecordPtr present = RecordOf(core, kind, wanted);
  if (present == nullptr) return false;
  const Json document = TRY(DocumentOf(kind, *present));
  const std::optional<Json> revised = TRY(RevisedFlowControl(document, wanted));
  if (!revised) return false;
  ApiRequest own{
      .http = request, .info = {}, .user = LoopbackUser(), .now = core.clock.Now(), .kind = &kind};
  WriteOptions options;
  options.field_manager = kFlowProducer;
  const auto written =
      core.writer.Update(own, wanted["metadata"].value("name", ""), options,
                         {.check_version = false}, [&](const Object& old) -> Result<Object> {
                           const Json before = old.ToDocument();
                           const std::optional<Json> next = TRY(RevisedFlowControl(before, wanted));
                           return Object::FromDocument(kind, next ? *next : before);
                         });
  if (!written) return Fail(written.error());
  return true;
}

Result<> WriteStartObject(Core& core, const http::Request& request, const Json& document) {
  const KindInfo* kind =
      FindKind(document["apiVersion"].get<std::string>(), document["kind"].get<std::string>());
  CHECK(kind != nullptr);
  ApiRequest own{
      .http = request, .info = {}, .user = LoopbackUser(), .now = core.clock.Now(), .kind = kind};
  if (const RecordPtr present = RecordOf(core, *kind, document)) {
    if (kind->kind == "ServiceCIDR") return WidenServiceRange(core, own, *present, document);
    if (kind->group != "rbac.authorization.k8s.io") return {};
    return MendRbac(core, own, *present, document);
  }
  Object object = TRY(Object::FromDocument(*kind, document));
  own.info.namespace_name = object.metadata().namespace_;
  WriteOptions options;
  if (kind->group == kFlowGroup) options.field_manager = kFlowProducer;
  const auto saved = core.writer.Create(own, std::move(object), options);
  if (saved || saved.error().reason == Reason::kAlreadyExists) return {};
  kLog.Error("start object not written", {{"kind", kind->kind},
                                          {"name", document["metadata"]["name"].dump()},
                                          {"error", saved.error().message}});
  return Fail(saved.error());
}

// A request of nobody: what the writer wants to know is in its headers.
http::Request OwnRequest() {
  http::Request request;
  request.headers.emplace("User-Agent", "kube-apiserver");
  return request;
}

}  // namespace

// As in Kubernetes the server runs whatever becomes of it.
bool ReviseFlowControl(Core& core, const std::vector<Json>& documents) {
  const http::Request request = OwnRequest();
  bool any = false;
  for (const Json& document : documents) {
    if (!document["apiVersion"].get<std::string>().starts_with(kFlowGroup)) continue;
    const auto revised = ReviseOne(core, request, document);
    any |= !revised || *revised;
    if (revised) continue;
    kLog.Error("flow control not kept", {{"kind", document["kind"].get<std::string>()},
                                         {"name", document["metadata"].value("name", "")},
                                         {"error", revised.error().message}});
  }
  return any;
}

Result<> WriteMissing(Core& core, const std::vector<Json>& documents) {
  const http::Request request = OwnRequest();
  for (const Json& document : documents) TRY(WriteStartObject(core, request, document));
  return {};
}

Result<> WriteStartObjects(Core& core, const StartOptions& options) {
  const http::Request request = OwnRequest();
  const std::vector<Json> objects = StartObjects(options);
  size_t next = 0;
  while (next < objects.size() && objects[next]["kind"] == "Namespace") {
    TRY(WriteStartObject(core, request, objects[next++]));
  }
  // The others need only their namespaces. Where each waits for an etcd, waiting at one time is
  // worth most; where none does (RocksdbStore::Options::begins_unsynced), two cores are.
  std::atomic<size_t> at = next;
  std::array<Result<>, kStartWriters> results;
  {
    std::vector<std::jthread> writers;
    for (Result<>& result : results) {
      writers.emplace_back([&] {
        for (size_t i = at++; i < objects.size() && result; i = at++) {
          result = WriteStartObject(core, request, objects[i]);
        }
      });
    }
  }
  for (Result<>& result : results) TRY(std::move(result));
  (void)ReviseFlowControl(core, objects);
  return options.has_rbac ? EndSuperseded(core, request) : Result<>();
}

}  // namespace skiff
