// A server that passes requests on, and one to pass them to: a real one over TLS on loopback,
// behind a Service of type ExternalName, known by the certificate "agg.default.svc".
#pragma once

#include <condition_variable>
#include <mutex>

#include "api/codec/base64.h"
#include "apiserver/server/server_fixture.h"
#include "http/loop.h"
#include "http/server.h"
#include "http/test_client.h"
#include "http/x509_test_certs.h"

namespace skiff {

class AggregationFixture : public ServerFixture, public http::Handler {
 protected:
  static constexpr const char* kApiServices = "/apis/apiregistration.k8s.io/v1/apiservices";
  static constexpr const char* kGroup = "/apis/wardle.example.com";
  static constexpr const char* kVersion = "/apis/wardle.example.com/v1";
  static constexpr const char* kName = "v1.wardle.example.com";

  explicit AggregationFixture(ForwardLimits limits = {}, bool routes_to_endpoints = false) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    const auto client = proxies_.Issue({.common_name = "front-proxy-client"});
    server_ = *ApiServer::Create(
        {.authorization_modes = {"Node", "RBAC"},
         .token_file_text = kTokens,
         .advertise_address = "192.0.2.7",
         .front_proxy = {.username_headers = {"X-Login"}, .extra_header_prefixes = {"X-Login-"}},
         .proxy_client_certificate_pem = client.certificate_pem,
         .proxy_client_key_pem = client.key_pem,
         .routes_to_endpoints = routes_to_endpoints,
         .forward_limits = limits},
        {*store_, system_clock_, random_, nullptr, {}, {}, &loops_});
    for (ControlLoop* loop : server_->loops()) threads_.Add(*loop);
    front_ = *http::Server::Start({}, loops_, *server_);
    StartBackend(*this);
  }
  ~AggregationFixture() override {
    Release();
    front_ = nullptr;
    server_->EndCalls();
    for (ControlLoop* loop : server_->loops()) threads_.Remove(*loop);
    backend_ = nullptr;
  }

  void StartBackend(http::Handler& handler, int port = 0) {
    backend_ = nullptr;
    const auto certificate = authority_.Issue(
        {.common_name = "backend", .alternative_names = "DNS:agg.default.svc"});
    http::ServerTls tls;
    tls.certificate_pem = certificate.certificate_pem;
    tls.key_pem = certificate.key_pem;
    tls.client_ca_pem = proxies_.certificate_pem();
    backend_ = *http::Server::Start({.port = port, .tls = tls}, loops_, handler);
  }

  // What the other server says to a path.
  using Says = std::function<http::Response(const http::Request& request)>;
  void At(const std::string& path, Says says) {
    const std::lock_guard lock(mutex_);
    says_[path] = std::move(says);
  }
  http::Response Handle(const http::Request& request) override {
    Says says;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request);
      changed_.notify_all();
      const auto found = says_.find(request.path);
      if (found != says_.end()) says = found->second;
    }
    if (says) return says(request);
    if (request.path == kVersion) return Says200(ResourceList());
    http::Response missing;
    missing.status = 404;
    return missing;
  }
  static http::Response Says200(const std::string& body,
                                const std::string& type = "application/json") {
    http::Response response;
    response.content_type = type;
    response.body = body;
    return response;
  }
  static std::string ResourceList() {
    return R"({"kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": "wardle.example.com/v1", "resources": [
        {"name": "flunders", "singularName": "flunder", "namespaced": true, "kind": "Flunder",
         "verbs": ["get", "list"], "shortNames": ["fl"]},
        {"name": "flunders/status", "singularName": "", "namespaced": true, "kind": "Flunder",
         "verbs": ["get"]}]})";
  }
  // Holds whoever calls it until the test is over, or until Release.
  void Hang() {
    std::unique_lock lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return released_; });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  // The last request for a path; nothing of others.
  std::optional<http::Request> LastTo(const std::string& path) {
    const std::lock_guard lock(mutex_);
    for (auto at = asked_.rbegin(); at != asked_.rend(); ++at) {
      if (at->path == path) return *at;
    }
    return std::nullopt;
  }

  // Looks until it is so; false when it is not in time.
  bool Eventually(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, 5ms);
    }
    return true;
  }

  Json Spec(Json more = Json::object()) {
    Json spec = {{"group", "wardle.example.com"},
                 {"version", "v1"},
                 {"groupPriorityMinimum", 2000},
                 {"versionPriority", 200},
                 {"caBundle", EncodeBase64(authority_.certificate_pem())},
                 {"service",
                  {{"name", "agg"}, {"namespace", "default"}, {"port", backend_->port()}}}};
    spec.merge_patch(more);
    return spec;
  }
  Answer Register(Json more = Json::object()) {
    const Json spec = Spec(std::move(more));
    const std::string name =
        spec["version"].get<std::string>() + "." + spec["group"].get<std::string>();
    return Post(kApiServices, Json{{"metadata", {{"name", name}}}, {"spec", spec}}.dump());
  }
  void MakeService() {
    const auto made = Post("/api/v1/namespaces/default/services",
                           R"({"metadata": {"name": "agg"},
                               "spec": {"type": "ExternalName", "externalName": "localhost"}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  Json ConditionOf(const std::string& name) {
    for (const Json& each : Get(std::string(kApiServices) + "/" + name)
                                .body.value("status", Json::object())
                                .value("conditions", Json::array())) {
      if (each["type"] == "Available") return each;
    }
    return Json::object();
  }
  bool Becomes(const std::string& reason, const std::string& name = kName) {
    return Eventually([&] { return ConditionOf(name).value("reason", "") == reason; });
  }
  // The service, the APIService, and all that follows from them.
  void Serve() {
    MakeService();
    const auto made = Register();
    ASSERT_EQ(made.code, 201) << made.message();
    ASSERT_TRUE(Becomes("Passed")) << ConditionOf(kName);
  }
  void LetAliceDoAll() {
    const auto made = Post(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        R"({"metadata": {"name": "a"}, "subjects": [{"kind": "User", "name": "alice",
            "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"kind": "ClusterRole",
            "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  static std::string TextOf(const std::string& method, const std::string& target,
                            const std::string& token = "admin", const std::string& more = "") {
    return method + " " + target + " HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer " + token +
           "\r\n" + more + "\r\n";
  }

  SystemClock system_clock_;
  ThreadExecutor threads_{"test", 2};
  http::Loops loops_{2};
  http::testing::TestAuthority authority_;
  http::testing::TestAuthority proxies_{"front-proxy-ca"};
  std::unique_ptr<http::Server> front_;
  std::unique_ptr<http::Server> backend_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Says> says_;
  std::vector<http::Request> asked_;
  int hanging_ = 0;
  bool released_ = false;
};

}  // namespace skiff
