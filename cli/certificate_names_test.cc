#include "cli/certificate_names.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

// openssl req -subj '/C=CH/O=system:nodes/O=b/CN=system:node:x'
//   -addext 'subjectAltName=DNS:a.b,IP:10.0.0.1,IP:::1,email:x@y'
constexpr char kRequest[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBQjCB6AIBADBIMQswCQYDVQQGEwJDSDEVMBMGA1UECgwMc3lzdGVtOm5vZGVz\n"
    "MQowCAYDVQQKDAFiMRYwFAYDVQQDDA1zeXN0ZW06bm9kZTp4MFkwEwYHKoZIzj0C\n"
    "AQYIKoZIzj0DAQcDQgAEYegatMOTaf/P0Or4LcG+B6Y+jsd8KpgUE+4EhljF0xjo\n"
    "Rfvd+9F+ROJWx1gWwaR7rnkbfskThFIkB5FZxfooqKA+MDwGCSqGSIb3DQEJDjEv\n"
    "MC0wKwYDVR0RBCQwIoIDYS5ihwQKAAABhxAAAAAAAAAAAAAAAAAAAAABgQN4QHkw\n"
    "CgYIKoZIzj0EAwIDSQAwRgIhAKdTHU9e2j0cP7Ltzn0LbA20h57EJERIv1Or+rQ+\n"
    "Nc7ZAiEAjLbrCG+MoKG+CNLJxhPgJ2ZA8JfMk/TVbaEPY2M7TR8=\n"
    "-----END CERTIFICATE REQUEST-----\n";

TEST(CertificateNamesTest, ReadsSubjectAndAlternativeNames) {
  const CertificateNames names = NamesOfRequest(kRequest);
  EXPECT_EQ(names.common_name, "system:node:x");
  EXPECT_EQ(names.organizations, (std::vector<std::string>{"system:nodes", "b"}));
  EXPECT_EQ(names.countries, std::vector<std::string>{"CH"});
  EXPECT_EQ(names.dns_names, std::vector<std::string>{"a.b"});
  EXPECT_EQ(names.ips, (std::vector<std::string>{"10.0.0.1", "::1"}));
  EXPECT_EQ(names.emails, std::vector<std::string>{"x@y"});
}

TEST(CertificateNamesTest, FindsNothingInWhatIsNoRequest) {
  EXPECT_EQ(NamesOfRequest("").common_name, "");
  EXPECT_EQ(NamesOfRequest("-----BEGIN X-----\nAAAA\n-----END X-----\n").common_name, "");
  // Every prefix of a good one is cut off somewhere.
  const std::string whole = kRequest;
  for (size_t size = 0; size + 40 < whole.size(); ++size) {
    EXPECT_EQ(NamesOfRequest(whole.substr(0, size)).common_name, "");
  }
}

}  // namespace
}  // namespace skiff::cli
