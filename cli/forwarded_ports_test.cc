#include "cli/forwarded_ports.h"

#include <gtest/gtest.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

const Json kForwardedPod = Json::parse(R"({"metadata": {"name": "a"}, "spec": {"containers": [{"ports": [
    {"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"},
    {"containerPort": 54, "protocol": "UDP"}, {"containerPort": 54}]}]}})");
const Json kForwardedService = Json::parse(R"({"metadata": {"name": "s"}, "spec": {"ports": [
    {"name": "web", "port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081},
    {"port": 82}, {"name": "dns", "port": 53, "protocol": "UDP"}]}})");

// "LOCAL REMOTE" of each word, or what is wrong with it.
std::string PairOf(const std::string& word, const Json& service = nullptr) {
  const auto numbers = InNumbers({"a", word}, kForwardedPod, service);
  if (!numbers) return numbers.error().message;
  const auto pairs = ParsePorts(*numbers);
  if (!pairs) return pairs.error().message;
  return fmt::format("{} {}", (*pairs)[0].local, (*pairs)[0].remote);
}

TEST(ForwardedPorts, APodsAreNumbersOrNames) {
  EXPECT_EQ(PairOf("80"), "80 80");
  EXPECT_EQ(PairOf("90:80"), "90 80");
  EXPECT_EQ(PairOf(":80"), "0 80");
  EXPECT_EQ(PairOf("http"), "8080 8080");
  EXPECT_EQ(PairOf("90:http"), "90 8080");
  EXPECT_EQ(PairOf("54"), "54 54");
  EXPECT_EQ(PairOf(":x"), "Pod 'a' does not have a named port 'x'");
}

TEST(ForwardedPorts, AServicesLeadToThePods) {
  EXPECT_EQ(PairOf("80", kForwardedService), "80 8080");
  EXPECT_EQ(PairOf("web", kForwardedService), "80 8080");
  EXPECT_EQ(PairOf(":81", kForwardedService), "0 8081");
  EXPECT_EQ(PairOf("82", kForwardedService), "82 82");
  EXPECT_EQ(PairOf("99", kForwardedService), "Service s does not have a service port 99");
  EXPECT_EQ(PairOf("x", kForwardedService), "Service 's' does not have a named port 'x'");
  Json headless = kForwardedService;
  headless["spec"]["clusterIP"] = "None";
  EXPECT_EQ(PairOf("80", headless), "80 80");
}

TEST(ForwardedPorts, WhatIsWrongWithThemIsSaidAsKubectlDoes) {
  EXPECT_EQ(PairOf("x:80"),
            "error parsing local port 'x': strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(PairOf("70000:80"), "error parsing local port '70000': strconv.ParseUint: parsing "
                               "\"70000\": value out of range");
  EXPECT_EQ(PairOf("80:70000"), "error parsing remote port '70000': strconv.ParseUint: parsing "
                               "\"70000\": value out of range");
  EXPECT_EQ(PairOf("0"), "remote port must be > 0");
  EXPECT_EQ(PairOf(":"), "remote port cannot be empty");
  EXPECT_EQ(PairOf("80:90:100"), "invalid port format '80:90:100'");
  EXPECT_EQ(PairOf("53"), "UDP protocol is not supported for 53");
  EXPECT_EQ(PairOf("dns", kForwardedService), "UDP protocol is not supported for dns");
}

class PortForwardTest : public ProgramTest {};

TEST_F(PortForwardTest, WhetherThePodRunsIsLookedAtBeforeItsNumbers) {
  server_ = ServerOf("apps", {}, {{"/api/v1/namespaces/default/pods/a",
                                   R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a",
                                       "namespace": "default"}, "status": {"phase": "Pending"}})"}});
  for (const char* ports : {"70000", "0", "80:90:100", "x:80"}) {
    EXPECT_EQ(Run("port-forward", {"a", ports}), 1);
    EXPECT_EQ(err_, "error: unable to forward port because pod is not running. Current "
                    "status=Pending\n");
  }
  EXPECT_EQ(Run("port-forward", {"a", ":"}), 1);
  EXPECT_EQ(err_, "error: remote port cannot be empty\n");
}

TEST(ForwardedPorts, AddressesAreListenedToOnceEach) {
  const auto parsed = [](const std::vector<std::string>& texts) {
    const auto addresses = ParseListenAddresses(texts);
    if (!addresses) return addresses.error().message;
    std::string text;
    for (const auto& [address, is_of_localhost] : *addresses) {
      text += address + (is_of_localhost ? "? " : " ");
    }
    return text;
  };
  EXPECT_EQ(parsed({"localhost"}), "127.0.0.1? ::1? ");
  EXPECT_EQ(parsed({"10.0.0.2", "localhost", "127.0.0.1", "10.0.0.2"}), "10.0.0.2 127.0.0.1 ::1? ");
  EXPECT_EQ(parsed({"300.1.1.1"}), "300.1.1.1 is not a valid IP");
  EXPECT_EQ(parsed({}), "you must specify at least 1 address");
}

}  // namespace
}  // namespace skiff::cli
