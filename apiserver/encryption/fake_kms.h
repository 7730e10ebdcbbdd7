// A KMS plugin in memory, for tests: its keys are numbers, and it can be away.
#pragma once

#include <memory>
#include <string>

#include "apiserver/encryption/kms_service.h"

namespace skiff {

// What the plugin is, beside its connections.
struct FakeKmsState {
  std::string key_id = "1";
  std::string healthz = "ok";
  std::string version = "v2";
  bool is_away = false;
  int encrypted = 0;
  int decrypted = 0;
};

class FakeKms final : public KmsService {
 public:
  explicit FakeKms(std::shared_ptr<FakeKmsState> state) : state_(std::move(state)) {}

  Result<Health> Status() override {
    if (state_->is_away) return Away();
    return Health{state_->version, state_->healthz, state_->key_id};
  }
  Result<Encrypted> Encrypt(const std::string&, std::string_view plain) override {
    if (state_->is_away) return Away();
    ++state_->encrypted;
    return Encrypted{Turned(plain), state_->key_id, {{"a.example.com", "note"}}};
  }
  Result<std::string> Decrypt(const std::string&, const Encrypted& encrypted) override {
    if (state_->is_away) return Away();
    ++state_->decrypted;
    if (encrypted.annotations != Annotations{{"a.example.com", "note"}}) return Away();
    return Turned(encrypted.ciphertext);
  }

 private:
  static tl::unexpected<Error> Away() {
    return Fail(Reason::kInternalError, "rpc error: code = Unavailable desc = away");
  }
  static std::string Turned(std::string_view bytes) {
    std::string out(bytes);
    for (char& c : out) c ^= 0x55;
    return out;
  }
  const std::shared_ptr<FakeKmsState> state_;
};

}  // namespace skiff
