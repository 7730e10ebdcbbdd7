// Service accounts, roles, bindings and certificate signing requests.
#include <algorithm>

#include "api/codec/base64.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/certificate_names.h"
#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/policy_rules.h"

namespace skiff::cli {
void DescribeServiceAccount(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Head(object);
  std::vector<std::string> secrets;
  for (const Json& each : At(object, "imagePullSecrets")) secrets.push_back(TextAt(each, "name"));
  out.Field(0, "Image pull secrets", secrets.empty() ? "<none>" : secrets[0]);
  for (size_t i = 1; i < secrets.size(); ++i) out.Line(0, "\t" + secrets[i]);
}

void DescribeRole(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Line(0, "PolicyRule:");
  out.Line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
  out.Line(1, "---------\t-----------------\t--------------\t-----");
  for (const std::string& row : PolicyRuleRows(At(object, "rules"))) out.Line(1, row);
}

void DescribeBinding(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Line(0, "Role:");
  out.Field(1, "Kind", TextAt(object, "roleRef", "kind"));
  out.Field(1, "Name", TextAt(object, "roleRef", "name"));
  out.Line(0, "Subjects:");
  out.Line(1, "Kind\tName\tNamespace");
  out.Line(1, "----\t----\t---------");
  for (const Json& subject : At(object, "subjects")) {
    out.Line(1, fmt::format("{}\t{}\t{}", TextAt(subject, "kind"), TextAt(subject, "name"),
                            TextAt(subject, "namespace")));
  }
}

namespace {

// "Approved,Issued", "Pending,Failed"
std::string RequestStatus(const Json& object) {
  const Json& conditions = At(object, "status", "conditions");
  const auto has = [&](std::string_view type) {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Json& condition) { return TextAt(condition, "type") == type; });
  };
  std::string status = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  if (has("Failed")) status += ",Failed";
  return TextAt(object, "status", "certificate").empty() ? status : status + ",Issued";
}

void WriteNames(DescribeWriter& out, const std::string& title,
                const std::vector<std::string>& names) {
  if (!names.empty()) out.Line(0, "\t" + title + ":\t" + Join(names, "\n\t\t"));
}

}  // namespace

void DescribeSigningRequest(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Labels", PairsText(At(object, "metadata", "labels")));
  out.Field(0, "Annotations", PairsText(At(object, "metadata", "annotations")));
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  out.Field(0, "Requesting User", TextAt(spec, "username"));
  out.FieldIf(0, "Signer", TextAt(spec, "signerName"));
  if (const Json& seconds = At(spec, "expirationSeconds"); !seconds.is_null()) {
    out.Field(0, "Requested Duration", HumanDuration(Seconds(IntOf(seconds))));
  }
  out.Field(0, "Status", RequestStatus(object));
  const auto pem = DecodeBase64(TextAt(spec, "request"));
  const CertificateNames names = NamesOfRequest(pem ? *pem : "");
  out.Line(0, "Subject:");
  out.Line(0, "\tCommon Name:\t" + names.common_name);
  out.Line(0, "\tSerial Number:\t" + names.serial_number);
  WriteNames(out, "Organization", names.organizations);
  WriteNames(out, "Organizational Unit", names.organizational_units);
  WriteNames(out, "Country", names.countries);
  WriteNames(out, "Locality", names.localities);
  WriteNames(out, "Province", names.provinces);
  WriteNames(out, "StreetAddress", names.streets);
  WriteNames(out, "PostalCode", names.postal_codes);
  if (names.dns_names.empty() && names.emails.empty() && names.uris.empty() && names.ips.empty()) {
    return;
  }
  out.Line(0, "Subject Alternative Names:");
  WriteNames(out, "DNS Names", names.dns_names);
  WriteNames(out, "Email Addresses", names.emails);
  WriteNames(out, "URIs", names.uris);
  WriteNames(out, "IP Addresses", names.ips);
}

}  // namespace skiff::cli
