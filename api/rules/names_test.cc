#include "api/rules/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/violations.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kSubdomainText =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const std::string kLabelText =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const std::string kNamePartText =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

TEST(NamesTest, LabelsOfDns) {
  for (const char* good : {"a", "0", "a-b", "123-abc"}) {
    EXPECT_THAT(Dns1123LabelErrors(good), IsEmpty()) << good;
  }
  EXPECT_THAT(Dns1123LabelErrors(std::string(63, 'a')), IsEmpty());
  EXPECT_THAT(Dns1123LabelErrors(std::string(64, 'a')),
              ElementsAre("must be no more than 63 characters"));
  EXPECT_THAT(Dns1123LabelErrors("a.b"), ElementsAre("must not contain dots"));
  for (const char* bad : {"", "A", "-a", "a-", "a_b", "a..b", "\xc3\xbc"}) {
    EXPECT_THAT(Dns1123LabelErrors(bad), ElementsAre(kLabelText)) << bad;
  }
  EXPECT_THAT(Dns1035LabelErrors("a1"), IsEmpty());
  EXPECT_EQ(Dns1035LabelErrors("1a").size(), 1);
}

TEST(NamesTest, Subdomains) {
  for (const char* good : {"a", "a.b", "1.2", "my-name.example.com"}) {
    EXPECT_THAT(Dns1123SubdomainErrors(good), IsEmpty()) << good;
  }
  for (const char* bad : {"", ".", "..", "a.", ".a", "a..b", "Upper", "a/b", "a%b", "a.-b"}) {
    EXPECT_THAT(Dns1123SubdomainErrors(bad), ElementsAre(kSubdomainText)) << bad;
  }
  EXPECT_THAT(Dns1123SubdomainErrors(std::string(254, 'a')),
              ElementsAre("must be no more than 253 characters"));
  EXPECT_THAT(Dns1123SubdomainWithUnderscoreErrors("_tcp.a_b.c"), IsEmpty());
  EXPECT_EQ(Dns1123SubdomainWithUnderscoreErrors("__tcp").size(), 1);
  EXPECT_THAT(WildcardDns1123SubdomainErrors("*.a.b"), IsEmpty());
  EXPECT_EQ(WildcardDns1123SubdomainErrors("a.*.b").size(), 1);
  EXPECT_EQ(WildcardDns1123SubdomainErrors("*.").size(), 1);
}

TEST(NamesTest, KeysOfLabels) {
  for (const char* good : {"a", "A_b.c", "example.com/x", "1"}) {
    EXPECT_THAT(LabelKeyErrors(good), IsEmpty()) << good;
  }
  EXPECT_THAT(LabelKeyErrors(""),
              ElementsAre("name part must be non-empty", "name part " + kNamePartText));
  EXPECT_THAT(LabelKeyErrors("/a"), ElementsAre("prefix part must be non-empty"));
  EXPECT_THAT(LabelKeyErrors("A/-"),
              ElementsAre("prefix part " + kSubdomainText, "name part " + kNamePartText));
  EXPECT_THAT(LabelKeyErrors(std::string(254, 'a') + "/b"),
              ElementsAre("prefix part must be no more than 253 bytes"));
  EXPECT_THAT(LabelKeyErrors(std::string(64, 'a')),
              ElementsAre("name part must be no more than 63 bytes"));
  EXPECT_THAT(LabelKeyErrors("a/b/c"),
              ElementsAre("a valid label key " + kNamePartText +
                          " with an optional DNS subdomain prefix and '/' (e.g. "
                          "'example.com/MyName')"));
}

TEST(NamesTest, ValuesOfLabels) {
  EXPECT_THAT(LabelValueErrors(""), IsEmpty());
  EXPECT_THAT(LabelValueErrors(std::string(64, 'a')), ElementsAre("must be no more than 63 bytes"));
  EXPECT_THAT(LabelValueErrors("-web-"),
              ElementsAre("a valid label must be an empty string or consist of alphanumeric "
                          "characters, '-', '_' or '.', and must start and end with an "
                          "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
                          "regex used for validation is "
                          "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"));
}

TEST(NamesTest, EnvironmentAndFiles) {
  EXPECT_THAT(EnvVarNameErrors("1a b"), IsEmpty());
  EXPECT_THAT(EnvVarNameErrors(""), ElementsAre("environment variable name must be non-empty"));
  EXPECT_EQ(EnvVarNameErrors("a=b").size(), 1);
  EXPECT_THAT(CIdentifierErrors("my_Name1"), IsEmpty());
  EXPECT_EQ(CIdentifierErrors("1a").size(), 1);
  EXPECT_THAT(ConfigMapKeyErrors("key.NAME-1_"), IsEmpty());
  EXPECT_THAT(ConfigMapKeyErrors(".."), ElementsAre("must not be '..'"));
  EXPECT_THAT(ConfigMapKeyErrors("a/b"),
              ElementsAre("a valid config key must consist of alphanumeric characters, '-', '_' "
                          "or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used "
                          "for validation is '[-._a-zA-Z0-9]+')"));
}

TEST(NamesTest, PortsAndNumbers) {
  EXPECT_THAT(PortNumberErrors(65535), IsEmpty());
  EXPECT_THAT(PortNumberErrors(0), ElementsAre("must be between 1 and 65535, inclusive"));
  EXPECT_THAT(UserIdErrors(-1), ElementsAre("must be between 0 and 2147483647, inclusive"));
  EXPECT_THAT(PortNameErrors("http-1"), IsEmpty());
  EXPECT_THAT(
      PortNameErrors("-0123--56789-01234_"),
      ElementsAre("must be no more than 15 characters",
                  "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                  "must contain at least one letter (a-z)", "must not contain consecutive hyphens",
                  "must not begin or end with a hyphen"));
  EXPECT_THAT(PercentErrors("100%"), IsEmpty());
  EXPECT_EQ(PercentErrors("%").size(), 1);
  EXPECT_THAT(HttpHeaderNameErrors("X-A"), IsEmpty());
  EXPECT_EQ(HttpHeaderNameErrors("X_A").size(), 1);
}

TEST(NamesTest, PathSegments) {
  EXPECT_THAT(PathSegmentErrors(".."), ElementsAre("may not be '..'"));
  EXPECT_THAT(PathSegmentErrors("a/%"), ElementsAre("may not contain '/'", "may not contain '%'"));
  EXPECT_THAT(PathSegmentErrors("system:node"), IsEmpty());
  EXPECT_THAT(NameIsPathSegment(".", true), IsEmpty());
}

TEST(NamesTest, PrefixesMayEndInADash) {
  EXPECT_THAT(NameIsDnsSubdomain("gen-", true), IsEmpty());
  EXPECT_THAT(NameIsDnsSubdomain("gen-", false), ElementsAre(kSubdomainText));
  EXPECT_THAT(NameIsDnsSubdomain("-", true), ElementsAre(kSubdomainText));
  EXPECT_THAT(NameIsDnsSubdomain("gen..", true), ElementsAre(kSubdomainText));
  EXPECT_THAT(NameIsDns1035Label("1-", true), IsEmpty());
  EXPECT_THAT(NameIsDnsLabel("a.b-", true), ElementsAre("must not contain dots"));
}

template <typename Check>
std::string TextOf(Check check, std::string_view value) {
  Violations out;
  check(value, FieldPath("f"), out);
  return out.empty() ? "" : out.Text();
}

TEST(NamesTest, FullyQualifiedNames) {
  EXPECT_EQ(TextOf(ValidateFullyQualifiedName, "a.b.c"), "");
  EXPECT_EQ(TextOf(ValidateFullyQualifiedName, ""), "f: Required value");
  EXPECT_EQ(TextOf(ValidateFullyQualifiedName, "a.b"),
            "f: Invalid value: \"a.b\": should be a domain with at least three segments separated "
            "by dots");
  EXPECT_EQ(TextOf(ValidateFullyQualifiedDomainName, "a.b."), "");
  EXPECT_EQ(TextOf(ValidateFullyQualifiedDomainName, "a"),
            "f: Invalid value: \"a\": should be a domain with at least two segments separated by "
            "dots");
  EXPECT_EQ(TextOf(ValidateFullyQualifiedDomainName, "A.b"),
            "f: Invalid value: \"A.b\": " + kSubdomainText);
}

TEST(NamesTest, PrefixedPathsDriversAndSigners) {
  EXPECT_EQ(TextOf(ValidateDomainPrefixedPath, "acme.io/foo/Bar"), "");
  for (const char* bad : {"acme.io", "/foo", "acme.io/"}) {
    EXPECT_EQ(TextOf(ValidateDomainPrefixedPath, bad),
              std::string("f: Invalid value: \"") + bad +
                  "\": must be a domain-prefixed path (such as \"acme.io/foo\")");
  }
  EXPECT_EQ(TextOf(ValidateDomainPrefixedPath, "a/b c"),
            "f: Invalid value: \"b c\": Invalid path (regex used for validation is "
            "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  EXPECT_EQ(TextOf(ValidateCsiDriverName, "CSI.example.com"), "");
  EXPECT_EQ(TextOf(ValidateCsiDriverName, std::string(64, 'a')),
            "f: Too long: may not be more than 63 bytes");
  EXPECT_EQ(TextOf(ValidateSignerName, "example.com/signer"), "");
  EXPECT_EQ(TextOf(ValidateSignerName, "signer"),
            "f: Invalid value: \"signer\": must be a fully qualified domain and path of the form "
            "'example.com/signer-name'");
  EXPECT_EQ(TextOf(ValidateSignerName, "a/b"),
            "f: Invalid value: \"a\": should be a domain with at least two segments separated by "
            "dots");
}

}  // namespace
}  // namespace skiff
