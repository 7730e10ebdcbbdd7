// For tests: a whole server on real sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dns/server.h"
#include "dns/test_socket.h"

namespace skiff::dns {

// A server with a zone of its own.
class TestServer {
 public:
  explicit TestServer(const std::string& zone, std::vector<int> upstream_ports = {},
                      bool has_view = true, const std::string& bind = "127.0.0.1") {
    options_.bind_address = bind;
    options_.port = 0;
    options_.threads = 2;
    options_.zone.zone = *Name::FromText(zone);
    options_.forward.attempt_timeout = 300ms;
    for (const int port : upstream_ports) {
      options_.upstreams.push_back(*MakeSocketAddress("127.0.0.1", port));
    }
    if (has_view) Publish();
  }
  ServerOptions& options() { return options_; }
  // The service "web" has this address now.
  void SetWeb(const std::string& address) {
    auto web = std::make_shared<ServiceRecord>();
    web->namespace_ = "default";
    web->name = "web";
    web->cluster_ips = {*ParseIp(address)};
    builder_.Set("default", "web", web);
    views_.Publish(builder_.Build(1));
  }
  int Start() {
    auto server = Server::Start(options_, views_, random_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    return server_->port();
  }
  Server& server() { return *server_; }
  void Stop() { server_.reset(); }

 private:
  void Publish() {
    builder_.SetNamespaces({"default"});
    builder_.SetNodes({*ParseIp("127.0.0.8")});
    auto many = std::make_shared<ServiceRecord>();
    many->namespace_ = "default";
    many->name = "many";
    many->form = ServiceRecord::Form::kHeadless;
    const auto ports = std::make_shared<const ServicePorts>();
    for (int i = 0; i < 200; ++i) {
      const std::string label = "pod-" + std::to_string(100 + i);
      many->endpoints.push_back({label, *ParseIp("10.1.0." + std::to_string(i)), ports});
    }
    many->IndexEndpoints();
    builder_.Set("default", "many", many);
    auto alias = std::make_shared<ServiceRecord>();
    alias->namespace_ = "default";
    alias->name = "ext";
    alias->form = ServiceRecord::Form::kExternalName;
    alias->external_name = Name::FromText("web.default.svc.upstream.test");
    builder_.Set("default", "ext", alias);
    SetWeb("10.96.0.20");
  }

  SystemRandom random_;
  ViewBuilder builder_;
  ViewSource views_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

}  // namespace skiff::dns
