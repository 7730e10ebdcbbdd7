#include "e2e/harness.h"

#include <gtest/gtest.h>

#include "api/codec/document.h"
#include "api/text/yaml.h"
#include "apiserver/server/api_server.h"
#include "apiserver/storage/rocksdb_faulty_disk.h"
#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

// The kind that a document says it is; nullptr for one that the schema does not have.
const KindInfo* KindOf(const Json& document) {
  for (const KindInfo* info : BuiltInKinds()) {
    if (info->kind == TextAt(document, "kind") &&
        info->api_version == TextAt(document, "apiVersion")) {
      return info;
    }
  }
  return nullptr;
}

}  // namespace

http::Response Unreachable() {
  http::Response response;
  response.status = 503;
  response.content_type = "application/json";
  response.body =
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
      R"("message":"connection reset by peer","reason":"ServiceUnavailable","code":503})";
  return response;
}

struct TestCluster::Server {
  const std::shared_ptr<rocksdb::Env> memory = NewMemoryDisk();
  FaultyDisk disk{memory.get()};
  std::unique_ptr<RocksdbStore> store;
  std::unique_ptr<ApiServer> api;
};

TestCluster::TestCluster() : TestCluster(Options{}) {}

TestCluster::TestCluster(Options options)
    : authorization_modes_(options.authorization_modes),
      durable_(options.durable),
      random_(options.seed),
      executor_(clock_, options.seed),
      server_(std::make_unique<Server>()),
      transport_(std::make_unique<InProcessTransport>(
          [this](const http::Request& request) { return Answer(request); },
          InProcessTransport::Bodies::kObjects)),
      client_(*transport_, "test"),
      informer_client_(*transport_, "kube-controller-manager/shared-informers") {
  StartServer();
  informers_ =
      std::make_unique<InformerFactory>(Reflector::Dependencies{informer_client_, clock_, random_});
  manager_ = std::make_unique<Manager>(
      Manager::Dependencies{*transport_, clock_, random_, *informers_, "kube-controller-manager"});
  if (!options.controllers.sign_token) {
    options.controllers.sign_token = [this](const Json& claims) { return SignToken(claims); };
  }
  if (options.run_controllers) AddControllers(*manager_, options.controllers);
  if (options.add_parts) options.add_parts(*manager_);
  manager_->Start(executor_);
}

TestCluster::~TestCluster() {
  manager_.reset();
  informers_.reset();
  CrashServer();
}

void TestCluster::StartServer() {
  CHECK(!ServerRuns());
  RocksdbStore::Options store_options;
  store_options.path = "/store";
  store_options.env = &server_->disk;
  store_options.durability = durable_ ? Durability::kSync : Durability::kMemory;
  auto store = RocksdbStore::Open(std::move(store_options), clock_);
  CHECK(store.has_value());
  server_->store = std::move(*store);
  ApiServerOptions api_options;
  api_options.authorization_modes = authorization_modes_;
  auto api = ApiServer::Create(std::move(api_options), {*server_->store, clock_, random_});
  CHECK(api.has_value());
  server_->api = std::move(*api);
  for (ControlLoop* loop : server_->api->loops()) executor_.Add(*loop);
}

void TestCluster::CrashServer() {
  if (!ServerRuns()) return;
  for (ControlLoop* loop : server_->api->loops()) executor_.Remove(*loop);
  server_->api.reset();
  server_->store.reset();
}

bool TestCluster::ServerRuns() const {
  return server_->api != nullptr;
}

Result<std::string> TestCluster::SignToken(const Json& claims) {
  if (!ServerRuns()) return Fail(Reason::kServiceUnavailable, "the server does not run");
  return server_->api->SignToken(claims);
}

bool TestCluster::TakesWrites() const {
  return ServerRuns() && server_->store->Writable().has_value();
}

void TestCluster::FillDisk(bool full) {
  server_->disk.SetFull(full);
}

http::Response TestCluster::AnswerToStranger(const http::Request& request) {
  return ServerRuns() ? server_->api->Handle(request) : Unreachable();
}

http::Response TestCluster::Answer(const http::Request& request) {
  return ServerRuns() ? server_->api->Handle(request, LoopbackUser()) : Unreachable();
}

TestCluster& TestCluster::Apply(const std::string& yaml) {
  const auto documents = ParseYamlStream(yaml);
  if (!documents) {
    Refused("parse", documents.error());
    return *this;
  }
  for (const YamlDocument& document : *documents) {
    const KindInfo* info = KindOf(document.value);
    CHECK(info);
    Json object = document.value;
    if (info->namespaced && !object["metadata"].contains("namespace")) {
      object["metadata"]["namespace"] = "default";
    }
    ApplyDocument(*info, std::move(object));
  }
  return *this;
}

TestCluster& TestCluster::RunUntilIdle() {
  EXPECT_TRUE(executor_.RunUntilIdle()) << "the cluster does not come to rest";
  return *this;
}

TestCluster& TestCluster::RunFor(Duration length) {
  executor_.RunFor(length);
  return *this;
}

void TestCluster::ApplyDocument(const Resource& resource, Json document) {
  Json& metadata = document["metadata"];
  const ObjectKey key = {TextAt(metadata, "namespace"), TextAt(metadata, "name")};
  const auto created = client_.Create(resource, key, document);
  if (created) return;
  if (created.error().reason != Reason::kAlreadyExists) return Refused("create", created.error());
  const auto present = client_.Get(resource, key);
  if (!present) return Refused("get", present.error());
  metadata["resourceVersion"] = TextAt((*present)["metadata"], "resourceVersion");
  const auto updated = client_.Update(resource, document);
  if (!updated) Refused("update", updated.error());
}

void TestCluster::Refused(const std::string& verb, const Error& error) {
  ADD_FAILURE() << verb << " refused: " << error.message;
}

}  // namespace skiff
