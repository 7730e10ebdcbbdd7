// DER is tag, length, content; content of structures is more of the same:
//
//   request    SEQUENCE { info, algorithm, signature }
//   info       SEQUENCE { version, subject, key, [0] attributes }
//   subject    SEQUENCE of SET of SEQUENCE { OID, string }
//   attributes SEQUENCE { OID extensionRequest, SET { SEQUENCE of extensions } }
//   extension  SEQUENCE { OID, [critical], OCTET STRING }; of alternative names: SEQUENCE of names
#include "cli/certificate_names.h"

#include <arpa/inet.h>

#include <optional>

#include "api/codec/base64.h"

namespace skiff::cli {
namespace {

constexpr uint8_t kSequence = 0x30;
constexpr uint8_t kOctets = 0x04;
constexpr uint8_t kAttributes = 0xa0;
constexpr std::string_view kExtensionRequest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";
constexpr std::string_view kAlternativeNames = "\x55\x1d\x11";
constexpr std::string_view kNameAttribute = "\x55\x04";  // And one more byte.

struct Item {
  uint8_t tag = 0;
  std::string_view content;
};

// Takes the next item off `bytes`; nothing when there is none, or it is cut off.
std::optional<Item> Take(std::string_view& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  Item item;
  item.tag = static_cast<uint8_t>(bytes[0]);
  size_t length = static_cast<uint8_t>(bytes[1]);
  size_t at = 2;
  if (length >= 0x80) {
    const size_t digits = length & 0x7f;
    if (digits == 0 || digits > 4 || bytes.size() < at + digits) return std::nullopt;
    length = 0;
    for (size_t i = 0; i < digits; ++i) length = length << 8 | static_cast<uint8_t>(bytes[at + i]);
    at += digits;
  }
  if (bytes.size() - at < length) return std::nullopt;
  item.content = bytes.substr(at, length);
  bytes.remove_prefix(at + length);
  return item;
}

void PutName(uint8_t attribute, std::string value, CertificateNames& out) {
  switch (attribute) {
    case 3:
      out.common_name = std::move(value);
      break;
    case 5:
      out.serial_number = std::move(value);
      break;
    case 6:
      out.countries.push_back(std::move(value));
      break;
    case 7:
      out.localities.push_back(std::move(value));
      break;
    case 8:
      out.provinces.push_back(std::move(value));
      break;
    case 9:
      out.streets.push_back(std::move(value));
      break;
    case 10:
      out.organizations.push_back(std::move(value));
      break;
    case 11:
      out.organizational_units.push_back(std::move(value));
      break;
    case 17:
      out.postal_codes.push_back(std::move(value));
      break;
    default:
      break;
  }
}

void ReadSubject(std::string_view subject, CertificateNames& out) {
  while (const auto set = Take(subject)) {
    std::string_view pairs = set->content;
    while (const auto pair = Take(pairs)) {
      std::string_view rest = pair->content;
      const auto oid = Take(rest);
      const auto value = Take(rest);
      if (!oid || !value || oid->content.size() != 3) continue;
      if (!oid->content.starts_with(kNameAttribute)) continue;
      PutName(static_cast<uint8_t>(oid->content[2]), std::string(value->content), out);
    }
  }
}

std::string AddressText(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size() == 4) inet_ntop(AF_INET, bytes.data(), text, sizeof(text));
  if (bytes.size() == 16) inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

void ReadAlternativeNames(std::string_view names, CertificateNames& out) {
  const auto list = Take(names);
  if (!list) return;
  std::string_view rest = list->content;
  while (const auto name = Take(rest)) {
    const std::string text(name->content);
    if (name->tag == 0x81) out.emails.push_back(text);
    if (name->tag == 0x82) out.dns_names.push_back(text);
    if (name->tag == 0x86) out.uris.push_back(text);
    if (name->tag == 0x87) out.ips.push_back(AddressText(name->content));
  }
}

void ReadAttributes(std::string_view attributes, CertificateNames& out) {
  while (const auto attribute = Take(attributes)) {
    std::string_view rest = attribute->content;
    const auto oid = Take(rest);
    const auto set = Take(rest);
    if (!oid || !set || oid->content != kExtensionRequest) continue;
    std::string_view lists = set->content;
    const auto extensions = Take(lists);
    if (!extensions) continue;
    std::string_view each = extensions->content;
    while (const auto extension = Take(each)) {
      std::string_view parts = extension->content;
      const auto id = Take(parts);
      auto value = Take(parts);
      if (value && value->tag != kOctets) value = Take(parts);  // Past "critical".
      if (id && value && id->content == kAlternativeNames)
        ReadAlternativeNames(value->content, out);
    }
  }
}

}  // namespace

CertificateNames NamesOfRequest(std::string_view pem) {
  CertificateNames names;
  const size_t begin = pem.find('\n');
  const size_t end = pem.find("-----END");
  if (!pem.starts_with("-----BEGIN") || begin >= end || end == pem.npos) return names;
  std::string encoded;
  for (const char c : pem.substr(begin, end - begin)) {
    if (c != '\n' && c != '\r') encoded += c;
  }
  const auto der = DecodeBase64(encoded);
  if (!der) return names;
  std::string_view bytes = *der;
  const auto request = Take(bytes);
  if (!request || request->tag != kSequence) return names;
  bytes = request->content;
  const auto info = Take(bytes);
  if (!info) return names;
  bytes = info->content;
  (void)Take(bytes);  // The version.
  if (const auto subject = Take(bytes)) ReadSubject(subject->content, names);
  (void)Take(bytes);  // The key.
  const auto attributes = Take(bytes);
  if (attributes && attributes->tag == kAttributes) ReadAttributes(attributes->content, names);
  return names;
}

}  // namespace skiff::cli
