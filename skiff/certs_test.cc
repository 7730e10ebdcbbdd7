#include "skiff/certs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/auth/pki.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

class CertsTest : public testing::Test {
 protected:
  CertsTest() {
    char name[] = "/tmp/skiff-certs-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    options_.cert_dir = directory_ + "/pki";
    options_.kubeconfig_dir = directory_;
    options_.node_name = "127.0.0.1";
    options_.advertise_address = "192.0.2.7";
  }
  ~CertsTest() override { std::filesystem::remove_all(directory_); }
  // The lines it told.
  std::vector<std::string> Write() {
    std::vector<std::string> lines;
    const auto written = WriteCerts(options_, now_, [&](const std::string& line) {
      lines.push_back(line.substr(0, line.find(' ')) + " " + line.substr(line.rfind('/') + 1));
    });
    EXPECT_TRUE(written) << written.error().message;
    return lines;
  }
  std::string ErrorOf() {
    const auto written = WriteCerts(options_, now_, [](const std::string&) {});
    return written ? "" : written.error().message;
  }
  CertificateNames NamesOf(const std::string& file) {
    return *NamesOfCertificate(*ReadWholeFile(options_.cert_dir + "/" + file));
  }
  HttpsOptions Kubeconfigured(const std::string& file) {
    return *Kubeconfig::Load(directory_ + "/" + file)->Options();
  }

  const TimePoint now_ = SystemClock().Now();
  std::string directory_;
  CertsOptions options_;
};

TEST_F(CertsTest, TheServerIsKnownByAllItsNames) {
  options_.extra_sans = {"master.example.com", "198.51.100.1"};
  Write();
  const auto names = NamesOf("apiserver.crt");
  EXPECT_THAT(names.dns_names, IsSupersetOf({"localhost", "kubernetes.default.svc.cluster.local",
                                             "master.example.com"}));
  EXPECT_THAT(names.ip_addresses,
              IsSupersetOf({"127.0.0.1", "10.96.0.1", "192.0.2.7", "198.51.100.1"}));
  EXPECT_TRUE(ReadWholeFile(options_.cert_dir + "/sa.pub"));
}

TEST_F(CertsTest, EveryProgramIsWhoRbacTakesItFor) {
  Write();
  const auto authority = *ReadWholeFile(options_.cert_dir + "/ca.crt");
  const std::map<std::string, std::string> users = {
      {"admin.conf", "kubernetes-admin"},
      {"controller-manager.conf", "system:kube-controller-manager"},
      {"scheduler.conf", "system:kube-scheduler"},
      {"kubelet.conf", "system:node:127.0.0.1"},
      {"kube-proxy.conf", "system:kube-proxy"}};
  for (const auto& [file, user] : users) {
    const auto made = Kubeconfigured(file);
    EXPECT_EQ(made.server, "https://127.0.0.1:6443") << file;
    EXPECT_EQ(made.certificate_authority, authority) << file;
    EXPECT_EQ(NamesOfCertificate(made.client_certificate)->common_name, user);
  }
  EXPECT_THAT(NamesOfCertificate(Kubeconfigured("kubelet.conf").client_certificate)->organizations,
              ElementsAre("system:nodes"));
}

TEST_F(CertsTest, WhatServesIsKept) {
  for (const std::string& line : Write()) EXPECT_THAT(line, HasSubstr("wrote "));
  for (const std::string& line : Write()) EXPECT_THAT(line, HasSubstr("kept "));
  options_.node_name = "node-2";
  auto lines = Write();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) { return line.starts_with("wrote "); }),
            1);
  EXPECT_THAT(lines, Contains("wrote kubelet.conf"));
  const std::string authority = *ReadWholeFile(options_.cert_dir + "/ca.crt");
  options_.control_plane_endpoint = "master:7443";
  EXPECT_THAT(Write(), Contains("wrote admin.conf"));
  EXPECT_EQ(Kubeconfigured("admin.conf").server, "https://master:7443");
  EXPECT_EQ(*ReadWholeFile(options_.cert_dir + "/ca.crt"), authority);
}

TEST_F(CertsTest, TheServerIsKnownByTheFirstFamilyOfServices) {
  options_.service_cidr = "10.96.0.0/16,fd00:10:96::/112";
  EXPECT_EQ(ErrorOf(), "");
}

TEST_F(CertsTest, MistakesNameTheFlag) {
  options_.service_cidr = "10.96.0.0";
  EXPECT_EQ(ErrorOf(),
            "invalid argument \"10.96.0.0\" for \"--service-cidr\" flag: invalid CIDR "
            "address: 10.96.0.0");
  options_.service_cidr = "10.96.0.0/16";
  options_.advertise_address = "me";
  EXPECT_THAT(ErrorOf(), HasSubstr("--apiserver-advertise-address"));
  options_.advertise_address = "192.0.2.7";
  options_.bind_port = 0;
  EXPECT_THAT(ErrorOf(), HasSubstr("--apiserver-bind-port"));
  options_.bind_port = 6443;
  options_.kubeconfig_dir = "/proc/none";
  EXPECT_THAT(ErrorOf(), HasSubstr("/proc/none: "));
}

TEST_F(CertsTest, WritesOnlyWhenItIsToldWhat) {
  const std::vector<std::string> flags = {"--cert-dir=" + options_.cert_dir,
                                          "--kubeconfig-dir=" + directory_ + "/conf"};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(CertsMain({}), 1);
  EXPECT_EQ(CertsMain({"--help"}), 0);
  EXPECT_EQ(CertsMain(flags), 1);
  EXPECT_EQ(CertsMain({"renew", flags[0], flags[1]}), 1);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("skiff certs [command]"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "error: unknown flag: --cert-dir\nSee 'skiff certs -h' for help and examples\n"
            "error: invalid subcommand \"renew\"\nSee 'skiff certs -h' for help and examples\n");
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  testing::internal::CaptureStdout();
  EXPECT_EQ(CertsMain({"all", flags[0], flags[1], "--apiserver-advertise-address=192.0.2.7"}), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("conf/admin.conf"));
  EXPECT_TRUE(std::filesystem::exists(options_.cert_dir + "/ca.crt"));
}

}  // namespace
}  // namespace skiff
