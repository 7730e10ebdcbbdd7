// `proxy` before a server that says what it was asked for.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <thread>

#include "cli/program_fixture.h"
#include "http/server.h"
#include "http/test_client.h"

namespace skiff::cli {
namespace {

using http::testing::TestClient;
using testing::HasSubstr;

// The option of the socket of this process that is connected to that port; -1: there is none.
int OptionOfClient(int port, int level, int option) {
  for (int each = 3; each < 1024; ++each) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const bool is_it = getpeername(each, reinterpret_cast<sockaddr*>(&peer), &length) == 0 &&
                       peer.sin_family == AF_INET && ntohs(peer.sin_port) == port;
    int value = -1;
    length = sizeof value;
    if (is_it && getsockopt(each, level, option, &value, &length) == 0) return value;
  }
  return -1;
}

class Echo final : public http::Handler {
 public:
  http::Response Handle(const http::Request& request) override {
    asks_ = OptionOfClient(port_, SOL_SOCKET, SO_KEEPALIVE);
    idle_s_ = OptionOfClient(port_, IPPROTO_TCP, TCP_KEEPIDLE);
    http::Response response;
    response.body = request.target;
    return response;
  }
  std::atomic<int> port_ = 0;
  std::atomic<int> asks_ = -1;
  std::atomic<int> idle_s_ = -1;
};

class ProxyTest : public ProgramTest {
 protected:
  ProxyTest() {
    std::filesystem::create_directory(folder_);
    server_ = [](const http::Request&) { return http::Response(); };  // Nothing is asked of it.
    for (const char* name : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY",
                             "no_proxy", "REQUEST_METHOD"}) {
      variables_[name] = "";
    }
  }
  ~ProxyTest() override {
    Stop();
    std::filesystem::remove_all(folder_);
  }

  // Of a server whose path is `path`.
  void Start(const std::string& path, std::vector<std::string> args) {
    echo_.port_ = (*upstream_)->port();
    args.push_back("--port=0");
    args.push_back("--server=http://127.0.0.1:" + std::to_string((*upstream_)->port()) + path);
    auto port = std::make_shared<std::promise<int>>();
    auto serves = port->get_future();
    verb_ = std::thread([this, args, port = std::move(port)]() mutable {
      Environment environment = MakeEnvironment();
      environment.out = [&](std::string_view text) {
        port->set_value(std::stoi(std::string(text.substr(text.rfind(':') + 1))));
      };
      EXPECT_EQ(RunCli(environment, "proxy", args), 128 + SIGTERM) << err_;
      port.reset();
    });
    const bool is_ready = serves.wait_for(60s) == std::future_status::ready;
    ASSERT_TRUE(is_ready) << "it serves nothing";
    port_ = serves.get();
  }
  void Stop() {
    if (!verb_.joinable()) return;
    pthread_kill(verb_.native_handle(), SIGTERM);
    verb_.join();
  }
  // The status, and what the body says.
  std::string Get(const std::string& path, const std::string& host = "localhost") const {
    const auto answer =
        TestClient(port_).Ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return std::to_string(answer.status()) + " " + answer.body;
  }

  const std::string folder_ = testing::TempDir() + "/skiff-proxy-" + std::to_string(getpid());

  Echo echo_;

 private:
  http::Loops loops_{1};
  Result<std::unique_ptr<http::Server>> upstream_ =
      http::Server::Start({.bind_address = "127.0.0.1"}, loops_, echo_);
  std::thread verb_;
  int port_ = 0;
};

TEST_F(ProxyTest, WhatIsRejectedIsSoBehindAPrefixToo) {
  Start("", {"--api-prefix=/custom"});
  EXPECT_EQ(Get("/custom/api/v1/pods?a=b"), "200 /api/v1/pods?a=b");
  EXPECT_EQ(Get("/custom/api/v1/namespaces/a/pods/b/exec"), "403 Forbidden\n");
  EXPECT_EQ(Get("/api/v1/pods"), "404 404 page not found\n");
}

TEST_F(ProxyTest, APrefixThatIsThePathOfTheApiStays) {
  Start("", {"--api-prefix=/api/"});
  EXPECT_EQ(Get("/api/v1/pods"), "200 /api/v1/pods");
}

TEST_F(ProxyTest, WhatTheFilterSawIsWhatIsAsked) {
  Start("", {"--api-prefix=/k8s/api"});
  EXPECT_EQ(Get("/%6b%38s/api/api/v1/namespaces/d/pods/p/exec"), "403 Forbidden\n");
  EXPECT_EQ(Get("/%6b%38s/api/v1/namespaces/d/pods/p/exec"), "200 /v1/namespaces/d/pods/p/exec");
  EXPECT_EQ(Get("/k%38s/api/v1/x?a=%20"), "200 /v1/x?a=%20");
  EXPECT_EQ(Get("http://localhost/k8s/api/v1/x?a=/b"), "200 /v1/x?a=/b");
  EXPECT_EQ(Get("/k8s/api/a%20b%3Fc"), "200 /a%20b%3Fc");
}

TEST_F(ProxyTest, WithoutAPrefixAPathStaysAsItIsWritten) {
  Start("", {});
  EXPECT_EQ(Get("/api/v1/a%2Fb?c"), "200 /api/v1/a%2Fb?c");
  EXPECT_EQ(Get("http://localhost/api/v1/pods?a=b"), "200 /api/v1/pods?a=b");
  EXPECT_EQ(Get("http://localhost/api/v1/namespaces/d/pods/p/exec"), "403 Forbidden\n");
}

TEST_F(ProxyTest, TheLongerPrefixHasThePath) {
  std::ofstream(folder_ + "/a.txt") << "a file";
  Start("", {"--www=" + folder_, "--www-prefix=/a/", "--api-prefix=/a/b/"});
  EXPECT_EQ(Get("/a/a.txt"), "200 a file");
  EXPECT_EQ(Get("/a/b/version"), "200 /version");
}

TEST_F(ProxyTest, AFolderThatIsNoneIsToldOf) {
  Start("", {"--www=" + folder_ + "/nope"});
  Stop();
  EXPECT_THAT(err_, HasSubstr("] Failed to stat static file directory " + folder_ + "/nope: stat " +
                              folder_ + "/nope: no such file or directory\n"));
  std::ofstream(folder_ + "/a.txt") << "a file";
  Start("", {"--www=" + folder_ + "/a.txt"});
  Stop();
  EXPECT_THAT(err_,
              HasSubstr("] Static file directory " + folder_ + "/a.txt is not a directory\n"));
}

TEST_F(ProxyTest, FilesAreForEverybody) {
  std::ofstream(folder_ + "/a.txt") << "a file";
  Start("", {"--www=" + folder_, "--accept-paths=^/api/"});
  EXPECT_EQ(Get("/static/a.txt", "else.example"), "200 a file");
  EXPECT_EQ(Get("/api/v1/pods", "else.example"), "403 Forbidden\n");
  EXPECT_EQ(Get("/api/v1/pods"), "200 /api/v1/pods");
}

TEST_F(ProxyTest, ThePathOfTheServerIsAddedWhereThatIsAskedFor) {
  Start("/clusters/a", {});
  EXPECT_EQ(Get("/api/v1/pods"), "200 /api/v1/pods");
  Stop();
  EXPECT_THAT(err_, HasSubstr("] Your kube context contains a server path /clusters/a, use "
                              "--append-server-path to automatically append the path to each "
                              "request\n"));
  err_.clear();
  Start("/clusters/a", {"--append-server-path"});
  EXPECT_EQ(Get("/api/v1/pods"), "200 /clusters/a/api/v1/pods");
  Stop();
  EXPECT_EQ(err_, "");
}

TEST_F(ProxyTest, TheServerIsAskedAfterAsOftenAsItIsTold) {
  Start("", {"--keepalive=77s"});
  EXPECT_EQ(Get("/version"), "200 /version");
  EXPECT_EQ(echo_.asks_, 1);
  EXPECT_EQ(echo_.idle_s_, 77);
  Stop();
  for (const auto& [said, idle_s] : {std::pair("2h", 7200), std::pair("100h", 32767)}) {
    Start("", {std::string("--keepalive=") + said});
    EXPECT_EQ(Get("/version"), "200 /version");
    EXPECT_EQ(echo_.idle_s_, idle_s);
    Stop();
  }
  Start("", {"--keepalive=-1s"});
  EXPECT_EQ(Get("/version"), "200 /version");
  EXPECT_EQ(echo_.asks_, 0);
}

}  // namespace
}  // namespace skiff::cli
