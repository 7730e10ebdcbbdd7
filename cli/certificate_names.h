// Whom a certificate signing request names: as much of PKCS #10 as `describe csr` shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::cli {

struct CertificateNames {
  std::string common_name;
  std::string serial_number;
  std::vector<std::string> organizations;
  std::vector<std::string> organizational_units;
  std::vector<std::string> countries;
  std::vector<std::string> localities;
  std::vector<std::string> provinces;
  std::vector<std::string> streets;
  std::vector<std::string> postal_codes;
  std::vector<std::string> dns_names;
  std::vector<std::string> emails;
  std::vector<std::string> uris;
  std::vector<std::string> ips;
};

// Empty where the text is no PEM request.
CertificateNames NamesOfRequest(std::string_view pem);

}  // namespace skiff::cli
