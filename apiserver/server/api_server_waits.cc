// Whom a request may have to wait for before it can be answered.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/document_bytes.h"
#include "api/gen/apiextensions_v1.h"
#include "api/pods/mirror_pods.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/routes.h"
#include "apiserver/server/api_server_state.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/webhooks/detour.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// kube-apiserver looks ten times, a tenth to a fifth of a second apart.
constexpr std::chrono::milliseconds kPatienceForAccounts{1500};
constexpr std::chrono::milliseconds kAccountsAskedEvery{20};
constexpr const char* kDefaultAccount = "default";
// Definitions are made of small values. To apply or to patch one takes fifty times its text: as
// many at once as there are workers would take half a gigabyte.
constexpr size_t kLargeDefinitionBytes = 64 << 10;

// Whether a pod, as JSON or YAML, says that it runs as another account than the default one: told
// from its text, for it is not decoded yet. In protobuf no field has a name, and none is found.
bool NamesAnAccount(std::string_view body) {
  static constexpr std::string_view kKey = "serviceAccount", kMore = "Name", kQuotes = "\"'";
  for (size_t at = body.find(kKey); at != std::string_view::npos; at = body.find(kKey)) {
    body.remove_prefix(at + kKey.size());
    std::string_view rest = body;
    if (rest.starts_with(kMore)) rest.remove_prefix(kMore.size());
    rest.remove_prefix(std::min(rest.find_first_not_of("\"' \t\r\n"), rest.size()));
    if (!rest.starts_with(':')) continue;  // Another field.
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t", 1), rest.size()));
    const bool is_quoted = !rest.empty() && kQuotes.find(rest.front()) != std::string_view::npos;
    if (is_quoted) rest.remove_prefix(1);
    const std::string_view value = rest.substr(0, rest.find_first_of("\"',} \t\r\n"));
    if (!value.empty() && value != kDefaultAccount && value != "null") return true;
  }
  return false;
}

// As admission sees what a request by this route may come to.
std::vector<Operation> OperationsOf(const Route& route) {
  if (route.connects) return {Operation::kConnect};
  if (route.verb == "delete" || route.verb == "deletecollection") return {Operation::kDelete};
  if (route.verb == "create") return {Operation::kCreate};
  // What is not there yet may be made by an update, too.
  if (route.verb == "update" || route.verb == "patch") {
    return {Operation::kCreate, Operation::kUpdate};
  }
  return {};
}

}  // namespace

bool ApiServer::State::IsToGetItsAccount(const std::string& namespace_name) {
  if (caches.service_accounts.Find(namespace_name, kDefaultAccount) != nullptr) return false;
  const auto where = caches.namespaces.Find("", namespace_name);
  return where != nullptr && !where->metadata.deletion_timestamp;
}

// Clients create a namespace and pods in it in one breath, and the account that these run as is
// made by a controller meanwhile. A pod that names its account is as it says.
bool ApiServer::State::IsBeforeItsAccount(const http::Request& request, const RequestInfo& info) {
  if (request.method != "POST" || !info.is_resource || info.resource != "pods") return false;
  if (!info.group.empty() || !info.subresource.empty()) return false;
  const auto& off = options.disabled_admission_plugins;
  if (std::find(off.begin(), off.end(), "ServiceAccount") != off.end()) return false;
  if (!IsToGetItsAccount(info.namespace_name)) return false;
  // One that shows what a kubelet runs by itself has no account.
  if (request.body.find(kMirrorPodAnnotation) != std::string::npos) return false;
  return !NamesAnAccount(request.body);
}

void ApiServer::State::AwaitAccount(const http::Request& request, const RequestInfo& info) {
  if (!IsBeforeItsAccount(request, info)) return;
  const auto end = std::chrono::steady_clock::now() + kPatienceForAccounts;
  while (IsToGetItsAccount(info.namespace_name) && !shutting_down &&
         std::chrono::steady_clock::now() < end) {
    MutexLock lock(account_mutex);
    ending.wait_for(lock, kAccountsAskedEvery);
  }
}

bool ApiServer::State::WritesLargeDefinition(const http::Request& request,
                                             const RequestInfo& info) {
  const KindInfo& kind = apiextensions_v1::CustomResourceDefinition::Info();
  if (!info.is_resource || info.group != kind.group || info.resource != kind.resource) return false;
  const bool changes = request.method == "PUT" || request.method == "PATCH";
  if (!changes && request.method != "POST") return false;
  if (request.body.size() >= kLargeDefinitionBytes) return true;
  if (!changes || info.name.empty()) return false;
  // A small patch of it takes as much.
  const auto record = store.GetAny(KeyOf(kind, "", info.name));
  return record && (*record)->value.size() >= kLargeDefinitionBytes;
}

size_t ApiServer::State::BytesOfChanged(const http::Request& request, const RequestInfo& info,
                                        size_t questions) {
  const bool patches = request.method == "PATCH";
  if (!patches && request.method != "PUT" && request.method != "DELETE") return 0;
  if (!info.is_resource || info.name.empty()) return 0;
  const auto kinds = custom_kinds.Now(CustomKinds::GroupOf(request.path));
  const RouteMatch match = kinds->routes.Find(info, request.method);
  if (match.route == nullptr || match.route->connects) return 0;
  const std::string_view where = info.below_namespace ? info.namespace_name : std::string_view();
  const auto record = store.GetAny(KeyOf(*match.route->kind, where, info.name));
  if (!record) return 0;
  const auto view = ObjectView::Of(**record);
  if (!view) return 0;
  // As it was; and of a patch, what comes of it. Each question has the text of both.
  const size_t text = (patches ? 2 : 1) * questions * view->body().size();
  return text + (patches ? 1 + kDetouredDocuments : 1) * DocumentBytesOf(view->body());
}

std::set<std::string> ApiServer::State::WaitsFor(const http::Request& request,
                                                 const RequestInfo& info, const User& user) {
  auto names = NamesOfAsked(request, info, user);
  if (WritesLargeDefinition(request, info)) {
    const RouteMatch match = custom_kinds.Now("")->routes.Find(info, request.method);
    const bool may = match.route != nullptr && MayBeAllowed(user, AccessOf(info, match));
    if (may) names.insert(OutboundPool::FewAtOnce("large definitions"));
  }
  if (names.empty()) names = NamesOfTokens(request, info, user);
  if (!names.empty()) return names;
  const bool asks_others = info.is_resource && info.group.empty() &&
                           info.resource == "componentstatuses" && components.AsksOthers();
  if (!asks_others && !IsBeforeItsAccount(request, info)) return names;
  const RouteMatch match = custom_kinds.Now("")->routes.Find(info, request.method);
  if (match.route != nullptr && MayBeAllowed(user, AccessOf(info, match))) {
    if (asks_others) {
      names.insert("other programs of the control plane");
    } else {
      // All of them together are to leave room for those who wait for others, and one namespace for
      // another.
      names.insert({"default accounts",
                    OutboundPool::OneOfMany("the default account of " + info.namespace_name)});
    }
  }
  return names;
}

std::set<std::string> ApiServer::State::WaitsForFromWorker(const http::Request& request,
                                                           const RequestInfo& info,
                                                           const User& user) {
  if (authorizers->Names().empty()) return WaitsFor(request, info, user);
  const NotForLong attempt;
  auto names = WaitsFor(request, info, user);
  if (attempt.failed()) names.merge(NamesOfQuestions(user));
  return names;
}

std::set<std::string> ApiServer::State::NamesOfQuestions(const User& user) const {
  auto names = authorizers->Names();
  if (!names.empty()) names.insert(OutboundPool::OneOfMany("questions about " + user.name));
  return names;
}

bool ApiServer::State::MayBeAllowed(const User& user, const Access& access) const {
  return authorizers->MayAllow(user, access);
}

std::set<std::string> ApiServer::State::NamesOfTokens(const http::Request& request,
                                                      const RequestInfo& info, const User& user) {
  if (!outside) return {};
  if (IsConsoleLogin(request)) return authentication->WaitsFor(request);
  const bool reviews = info.is_resource && info.group == "authentication.k8s.io" &&
                       info.resource == "tokenreviews" && request.method == "POST";
  if (!reviews) return {};
  const RouteMatch match = custom_kinds.Now("")->routes.Find(info, request.method);
  const bool may = match.route != nullptr && MayBeAllowed(user, AccessOf(info, match));
  return may ? outside->AllNames() : std::set<std::string>();
}

std::set<std::string> ApiServer::State::NamesOfAsked(const http::Request& request,
                                                     const RequestInfo& info, const User& user) {
  // Nothing is admitted that only looks at an object.
  const bool looks = info.IsReadOnly() && info.subresource.empty();
  const auto has = [](const auto& hooks) { return hooks != nullptr && !hooks->empty(); };
  const bool has_hooks = !looks && (has(webhooks->Mutating()) || has(webhooks->Validating()));
  const std::string_view group = CustomKinds::GroupOf(request.path);
  if (!has_hooks && group.empty()) return {};
  const auto kinds = custom_kinds.Now(group);
  if (!has_hooks && !kinds->kinds->has_runtime_kinds()) return {};
  if (!info.is_resource) return {};
  const RouteMatch match = kinds->routes.Find(info, request.method);
  if (match.route == nullptr) return {};
  const skiff::Route& route = *match.route;
  std::set<std::string> names;
  const bool reads = route.verb == "get" || route.verb == "list" || route.verb == "watch";
  if (MayConvert(*route.kind)) {
    names.insert(ConversionName(*route.kind));
  } else if (IsConvertedByWebhook(*route.kind) && !reads) {
    // Admission may want to see it in another version. What only may is counted apart: it is not to
    // wait for those that do.
    names.insert(ConversionName(*route.kind) + "/admission");
  }
  for (const Operation operation : has_hooks ? OperationsOf(route) : std::vector<Operation>()) {
    names.merge(webhooks->Named(operation, *route.kind, info.subresource));
  }
  if (names.empty()) return names;
  // Who is to be refused is so at once, and takes nobody's place among those that wait.
  if (!MayBeAllowed(user, AccessOf(info, match))) return {};
  if (route.verb == "deletecollection") {
    // How large its objects are is not known (BytesOfChanged).
    names.insert(OutboundPool::FewAtOnce(
        fmt::format("collections of {} in namespace {} that go for {}",
                    GroupResourceOf(*route.kind).Text(), info.namespace_name, user.name)));
  }
  return names;
}

}  // namespace skiff
