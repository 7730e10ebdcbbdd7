#include "apiserver/auth/pki.h"

#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "base/folders.h"
#include "base/hash.h"

namespace skiff {

std::string LostHalf(const std::string& directory, const std::string& authority) {
  std::error_code ignored;
  const std::string base = directory + "/" + authority;
  const bool has_key = std::filesystem::exists(base + ".key", ignored);
  const bool has_certificate = std::filesystem::exists(base + ".crt", ignored);
  if (has_key && has_certificate) return "";
  // "front-proxy-ca" signs "front-proxy-client"; all others are the one's that is just "ca".
  const std::string signs = authority.substr(0, authority.rfind("ca"));
  // The key is written first: alone it is a beginning that was interrupted.
  bool was_made = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    was_made |= entry.path().extension() == ".crt" &&
                entry.path().filename().string().starts_with(signs);
  }
  if (!was_made) return "";
  return base + (has_key ? ".crt" : ".key");
}

Result<Pki> Pki::Open(const std::string& directory, TimePoint now,
                      const std::string& authority_name) {
  const std::error_code code = MakePrivateFolder(directory);
  if (code) return Fail(Reason::kInternalError, "mkdir " + directory + ": " + code.message());
  ::chmod(directory.c_str(), 0700);
  const std::string certificate_path = directory + "/" + authority_name + ".crt";
  const std::string key_path = directory + "/" + authority_name + ".key";
  if (std::filesystem::exists(certificate_path) && std::filesystem::exists(key_path)) {
    KeyPair pem;
    pem.certificate_pem = TRY(ReadWholeFile(certificate_path));
    pem.key_pem = TRY(ReadWholeFile(key_path));
    auto authority = TRY(CertificateAuthority::FromPem(pem));
    return Pki(directory, std::move(authority));
  }
  if (const std::string lost = LostHalf(directory, authority_name); !lost.empty()) {
    return Fail(Reason::kNotFound,
                lost + " is missing, and the certificates in " + directory +
                    " are signed with it: put it back, or remove that directory to begin anew");
  }
  const std::string name = authority_name == "ca" ? "kubernetes" : authority_name;
  auto authority = TRY(CertificateAuthority::Create(name, now));
  TRY(WriteWholeFile(key_path, authority.pem().key_pem, 0600));
  TRY(WriteWholeFile(certificate_path, authority.pem().certificate_pem, 0644));
  return Pki(directory, std::move(authority));
}

Result<bool> Pki::EnsureLeaf(std::string_view name, const CertificateOrder& order, TimePoint now) {
  const std::string base = Path(name);
  // What was ordered stands beside the certificate, so that other names issue it again.
  std::string wanted = order.common_name + "\n" + AlternativeNames(order) + "\n";
  for (const std::string& organization : order.organizations) wanted += organization + "\n";
  const auto written = ReadWholeFile(base + ".order");
  const auto certificate = ReadWholeFile(base + ".crt");
  if (written && certificate && *written == wanted && ReadWholeFile(base + ".key") &&
      !NeedsRenewal(*certificate, now)) {
    return false;
  }
  const KeyPair pair = TRY(authority_.Issue(order, now));
  TRY(WriteWholeFile(base + ".key", pair.key_pem, 0600));
  TRY(WriteWholeFile(base + ".crt", pair.certificate_pem, 0644));
  TRY(WriteWholeFile(base + ".order", wanted, 0644));
  return true;
}

Result<bool> EnsureFrontProxy(const std::string& directory, TimePoint now) {
  Pki pki = TRY(Pki::Open(directory, now, kFrontProxyAuthority));
  return pki.EnsureLeaf(kFrontProxyClient, {.common_name = kFrontProxyClient, .client = true},
                        now);
}

Result<> Pki::EnsureServiceAccountKey(KeyKind kind) {
  const auto kept = ReadWholeFile(Path("sa.key"));
  if (!kept && kept.error().reason != Reason::kNotFound) return Fail(kept.error());
  if (kept) {
    // A new one would make all tokens those of nobody: what was lost of it follows from the rest.
    if (ReadWholeFile(Path("sa.pub"))) return {};
    const std::string pem = TRY(PublicPemOf(*kept));
    return WriteWholeFile(Path("sa.pub"), pem, 0644);
  }
  const SigningKeyPair pair = TRY(NewSigningKey(kind));
  TRY(WriteWholeFile(Path("sa.key"), pair.private_pem, 0600));
  return WriteWholeFile(Path("sa.pub"), pair.public_pem, 0644);
}

std::string KubeconfigText(std::string_view server_url, std::string_view ca_pem,
                           std::string_view user, const KeyPair& client) {
  std::ostringstream out;
  out << "apiVersion: v1\nkind: Config\n"
      << "clusters:\n- name: skiff\n  cluster:\n    server: " << server_url
      << "\n    certificate-authority-data: " << Base64(ca_pem) << "\n"
      << "users:\n- name: " << user
      << "\n  user:\n    client-certificate-data: " << Base64(client.certificate_pem)
      << "\n    client-key-data: " << Base64(WidelyReadKey(client.key_pem)) << "\n"
      << "contexts:\n- name: skiff\n  context:\n    cluster: skiff\n    user: " << user << "\n"
      << "current-context: skiff\n";
  return out.str();
}

}  // namespace skiff
