#include "apiserver/subresources/connect_options.h"

#include <gtest/gtest.h>

#include "apiserver/identity/node_connections.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

http::Upstream At(const std::string& host) {
  http::Upstream upstream;
  upstream.host = host;
  return upstream;
}

// "0177.0.0.1" is 177.0.0.1 to Kubernetes and 127.0.0.1 to the system: the server connects to what
// it looked at, and looks at what it connects to.
TEST(CheckProxyableTest, WhatIsConnectedToIsWhatWasLookedAt) {
  const std::pair<const char*, const char*> rows[] = {{"0177.0.0.1", "177.0.0.1"},
                                                      {"010.0.0.1", "10.0.0.1"},
                                                      {"::ffff:10.0.0.1", "10.0.0.1"},
                                                      {"2001:DB8:0::1", "2001:db8::1"},
                                                      {"n.lab", "n.lab"}};
  for (const auto& [given, connected] : rows) {
    http::Upstream upstream = At(given);
    ASSERT_TRUE(CheckProxyable(upstream)) << given;
    EXPECT_EQ(upstream.host, connected);
    ASSERT_TRUE(upstream.allows) << given;
    EXPECT_FALSE(upstream.allows("127.0.0.1"));
    EXPECT_TRUE(upstream.allows("10.0.0.1"));
  }
  for (const char* refused :
       {"", "127.0.0.1", "0127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0"}) {
    http::Upstream upstream = At(refused);
    EXPECT_FALSE(CheckProxyable(upstream)) << refused;
  }
}

TEST(RunsOnNodeTest, IsTrueOfWhatLeadsIntoPods) {
  for (const char* path :
       {"/exec/default/p/c", "/attach/default/p/c", "/portForward/default/p", "/run/default/p/c",
        "//exec/x", "/./exec/x", "/a/../exec/x", "/../run", "/EXEC/x"}) {
    EXPECT_TRUE(RunsOnNode(path)) << path;
  }
  for (const char* path :
       {"", "/", "/pods", "/logs/exec/x", "/stats/summary", "/executed", "/exec/../pods"}) {
    EXPECT_FALSE(RunsOnNode(path)) << path;
  }
}

class NodeProxyTest : public ServerFixture {};

// A node writes its own status.
TEST_F(NodeProxyTest, AKubeletIsWhereKubernetesReadsIt) {
  http::Loops loops(1);
  const NodeConnections nodes{loops, *http::MakeClientContext({.insecure = true})};
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})").code, 201);
  ASSERT_EQ(Merge("/api/v1/nodes/n/status",
                  R"({"status": {"addresses": [{"type": "InternalIP", "address": "0177.0.0.1"}]}})")
                .code,
            200);
  const auto kubelet = KubeletOf(*store_, nodes, "n");
  ASSERT_TRUE(kubelet) << kubelet.error().message;
  EXPECT_EQ(kubelet->host, "177.0.0.1");
}

// Who may ask for nodes/n:9100/proxy may ask that exporter, and not the kubelet.
TEST_F(NodeProxyTest, AtAnotherPortIsNoKubelet) {
  http::Upstream kubelet{.host = "192.0.2.9", .port = 10250};
  kubelet.tls = *http::MakeClientContext({.insecure = true});
  kubelet.server_name = "n";
  for (const char* port : {"", "10250"}) {
    const http::Upstream same = BesideKubelet(kubelet, port);
    EXPECT_EQ(same.port, 10250);
    EXPECT_EQ(same.tls, kubelet.tls);
  }
  const http::Upstream other = BesideKubelet(kubelet, "9100");
  EXPECT_EQ(other.host, "192.0.2.9");
  EXPECT_EQ(other.port, 9100);
  EXPECT_EQ(other.tls, nullptr) << "it would be shown the server's own certificate";
  EXPECT_EQ(other.server_name, "");
  for (const char* port : {"x", "75786", "-1"}) EXPECT_EQ(BesideKubelet(kubelet, port).port, 0);
}

TEST_F(NodeProxyTest, WhichAddressesANodeHasIsSaidWhereNoneIsOfUse) {
  http::Loops loops(1);
  const NodeConnections nodes{loops, *http::MakeClientContext({.insecure = true})};
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})").code, 201);
  const auto message = [&] {
    const auto kubelet = KubeletOf(*store_, nodes, "n");
    return kubelet ? "" : kubelet.error().message;
  };
  EXPECT_EQ(message(), "no preferred addresses found; known addresses: []");
  ASSERT_EQ(Merge("/api/v1/nodes/n/status",
                  R"({"status": {"addresses": [{"type": "InternalDNS", "address": "n.lab"},
                                               {"type": "ExternalDNS", "address": "n.org"}]}})")
                .code,
            200);
  EXPECT_EQ(message(),
            "no preferred addresses found; known addresses: [{InternalDNS n.lab} {ExternalDNS "
            "n.org}]");
}

// As for pods/exec: by GET, too, and by whatever upgrades.
TEST_F(NodeProxyTest, WhoMayOnlyReadRunsNothingOnANode) {
  http::Loops loops(1);
  NodeConnections nodes{loops, *http::MakeClientContext({.insecure = true})};
  const auto server = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                          .token_file_text = kTokens,
                                          .advertise_address = "192.0.2.7"},
                                         {*store_, clock_, random_, &nodes});
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})").code, 201);
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1";
  const auto may = [&](const std::string& name, const std::string& verb) {
    const std::string role = R"({"metadata": {"name": ")" + name +
                             R"("}, "rules": [{"apiGroups": [""], "resources": ["nodes/proxy"],
                                "verbs": [")" +
                             verb + R"("]}]})";
    ASSERT_EQ(Post(rbac + "/clusterroles", role).code, 201);
    const std::string binding =
        R"({"metadata": {"name": ")" + name +
        R"("}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": ")" +
        name + R"("}, "subjects": [{"kind": "User", "name": "alice",
            "apiGroup": "rbac.authorization.k8s.io"}]})";
    ASSERT_EQ(Post(rbac + "/clusterrolebindings", binding).code, 201);
  };
  const auto ask = [&](const std::string& path, bool upgrades) {
    http::Request request;
    request.method = "GET";
    request.target = request.path = "/api/v1/nodes/n/proxy" + path;
    request.headers.emplace("Authorization", "Bearer alice");
    if (upgrades) {
      request.headers.emplace("Connection", "Upgrade");
      request.headers.emplace("Upgrade", "websocket");
    }
    return server->Handle(request).status;
  };
  may("reads", "get");
  EXPECT_NE(ask("/pods", false), 403);
  for (const char* path :
       {"/exec/default/p/c", "/attach/default/p/c", "/run/default/p/c", "/portForward/default/p"}) {
    EXPECT_EQ(ask(path, false), 403) << path;
    EXPECT_EQ(ask(path, true), 403) << path;
  }
  EXPECT_EQ(ask("/pods", true), 403) << "whatever upgrades";
  may("creates", "create");
  EXPECT_NE(ask("/exec/default/p/c", true), 403);
}

}  // namespace
}  // namespace skiff
