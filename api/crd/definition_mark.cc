#include "api/crd/definition_mark.h"

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "base/hash.h"

namespace skiff::crd {
namespace {

std::string DigestOf(const DefinitionText& definition) {
  const Json* names = FindPath(definition.document, "status.acceptedNames");
  return Sha256(DumpJson(names ? *names : Json()).append(definition.spec));
}

}  // namespace

DefinitionMark::DefinitionMark(const DefinitionText& definition) : digest_(DigestOf(definition)) {}

bool DefinitionMark::IsOf(uint64_t revision, std::string_view text) const {
  const MutexLock lock(mutex_);
  if (!last_ || last_->first != revision) {
    const auto definition = CutDefinition(text);
    last_ = {revision, definition && DigestOf(*definition) == digest_};
  }
  return last_->second;
}

}  // namespace skiff::crd
