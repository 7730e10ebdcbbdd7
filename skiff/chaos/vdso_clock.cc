#include "skiff/chaos/vdso_clock.h"

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
// Functions of the System V ABI that call nobody but the kernel and stand anywhere: what they read
// is in the head of their page. `.Lshift` adds to r9 (ns) by how much the clock is wrong, `.Lsplit`
// makes seconds (rax) and nanoseconds (rdx) of it; a system call keeps all but rax, rcx and r11.
asm(R"(
.pushsection .rodata
.intel_syntax noprefix
.balign 16
.globl skiff_clock_page, skiff_clock_gettime, skiff_gettimeofday, skiff_time, skiff_clock_page_end
.hidden skiff_clock_page, skiff_clock_gettime, skiff_gettimeofday, skiff_time, skiff_clock_page_end
skiff_clock_page:
.Lpage:
  .skip 128
skiff_clock_gettime:
  mov eax, 228
  syscall
  test eax, eax
  jnz 1f
  test edi, edi                   # CLOCK_REALTIME
  jz 2f
  cmp edi, 5                      # CLOCK_REALTIME_COARSE
  je 2f
1:
  ret
2:
  mov r8, rsi
  imul r9, [rsi], 1000000000
  add r9, [rsi + 8]
  call .Lshift
  call .Lsplit
  mov [r8], rax
  mov [r8 + 8], rdx
  xor eax, eax
  ret
skiff_gettimeofday:
  mov eax, 96
  syscall
  test eax, eax
  jnz 1f
  test rdi, rdi
  jz 1f
  mov r8, rdi
  imul r9, [rdi], 1000000000
  imul rax, [rdi + 8], 1000
  add r9, rax
  call .Lshift
  call .Lsplit
  mov [r8], rax
  mov eax, edx
  xor edx, edx
  mov ecx, 1000
  div ecx
  mov [r8 + 8], rax
  xor eax, eax
1:
  ret
skiff_time:
  mov r8, rdi
  sub rsp, 24
  mov edi, 5
  mov rsi, rsp
  mov eax, 228
  syscall
  imul r9, [rsp], 1000000000
  add r9, [rsp + 8]
  add rsp, 24
  call .Lshift
  call .Lsplit
  test r8, r8
  jz 1f
  mov [r8], rax
1:
  ret
.Lshift:
  sub rsp, 24
  mov edi, 1                      # CLOCK_MONOTONIC
  mov rsi, rsp
  mov eax, 228
  syscall
  test eax, eax
  jnz 1f
  imul rax, [rsp], 1000000000
  add rax, [rsp + 8]
  cmp rax, [rip + .Lpage + 24]    # The end.
  jge 1f
  sub rax, [rip + .Lpage + 16]    # The beginning.
  jl 1f
  imul qword ptr [rip + .Lpage + 40]
  mov ecx, 1000000
  idiv rcx                        # An hour a thousand times too fast fits.
  add r9, rax
  add r9, [rip + .Lpage + 32]
1:
  add rsp, 24
  ret
.Lsplit:
  mov rax, r9
  cqo
  mov ecx, 1000000000
  idiv rcx
  test rdx, rdx
  jns 1f
  add rdx, rcx
  dec rax
1:
  ret
.balign 8
skiff_clock_page_end:
.att_syntax prefix
.popsection
)");
extern "C" const char skiff_clock_page[], skiff_clock_gettime[], skiff_gettimeofday[], skiff_time[],
    skiff_clock_page_end[];
#endif

namespace skiff::chaos {
namespace {

static_assert(offsetof(ClockPageHead, begins) == 16 && offsetof(ClockPageHead, ends) == 24 &&
              offsetof(ClockPageHead, offset) == 32 && offsetof(ClockPageHead, drift_ppm) == 40 &&
              sizeof(ClockPageHead) <= 128);

constexpr char kJumpOpcode = '\xe9';

template <typename T>
std::optional<T> At(std::string_view image, uint64_t offset) {
  if (offset > image.size() || image.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

Error NotAVdso(const char* what) {
  return {Reason::kInvalid, std::string("its vDSO is not that of a 64-bit x86 program: ") + what};
}

// Where the image's dynamic table says that symbols and their names are.
struct Tables {
  uint64_t symbols = 0, names = 0, names_bytes = 0;
};

Result<Tables> FindTables(std::string_view image) {
  const auto head = At<Elf64_Ehdr>(image, 0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64 ||
      head->e_phentsize != sizeof(Elf64_Phdr)) {
    return Fail(NotAVdso("its head is another's"));
  }
  uint64_t loaded_at = 0, dynamic = 0, dynamic_bytes = 0;
  for (unsigned i = 0; i < head->e_phnum; ++i) {
    const auto part = At<Elf64_Phdr>(image, head->e_phoff + i * sizeof(Elf64_Phdr));
    if (!part) return Fail(NotAVdso("it is cut short"));
    if (part->p_type == PT_LOAD) loaded_at = part->p_vaddr - part->p_offset;
    if (part->p_type != PT_DYNAMIC) continue;
    dynamic = part->p_offset;
    dynamic_bytes = part->p_memsz;
  }
  Tables tables;
  for (uint64_t at = 0; at < dynamic_bytes; at += sizeof(Elf64_Dyn)) {
    const auto entry = At<Elf64_Dyn>(image, dynamic + at);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_SYMTAB) tables.symbols = entry->d_un.d_ptr - loaded_at;
    if (entry->d_tag == DT_STRTAB) tables.names = entry->d_un.d_ptr - loaded_at;
    if (entry->d_tag == DT_STRSZ) tables.names_bytes = entry->d_un.d_val;
  }
  // Linkers lay the names behind the symbols, which is how many of these there are.
  const bool are_there = tables.symbols != 0 && tables.symbols < tables.names &&
                         tables.names <= image.size() &&
                         tables.names_bytes <= image.size() - tables.names;
  if (!are_there) return Fail(NotAVdso("it has no symbols"));
  return tables;
}

}  // namespace

Result<Vdso> ReadVdso(std::string_view image) {
  const Tables tables = TRY(FindTables(image));
  const std::string_view names = image.substr(tables.names, tables.names_bytes);
  Vdso vdso{};
  for (uint64_t at = tables.symbols; at + sizeof(Elf64_Sym) <= tables.names;
       at += sizeof(Elf64_Sym)) {
    const auto symbol = At<Elf64_Sym>(image, at);
    if (!symbol || symbol->st_name >= names.size()) continue;
    const std::string_view rest = names.substr(symbol->st_name);
    const std::string_view name = rest.substr(0, rest.find('\0'));
    for (size_t i = 0; i < kClockFunctions.size(); ++i) {
      const bool fits = symbol->st_size >= kJumpBytes && symbol->st_value < image.size() &&
                        image.size() - symbol->st_value >= kJumpBytes;
      if (name == kClockFunctions[i] && fits) vdso.functions[i] = symbol->st_value;
    }
  }
  for (size_t i = 0; i < kClockFunctions.size(); ++i) {
    if (vdso.functions[i] == 0) return Fail(NotAVdso(kClockFunctions[i]));
  }
  // Behind the first function: before it are tables, in which the two bytes may mean anything.
  const uint64_t code = std::min({vdso.functions[0], vdso.functions[1], vdso.functions[2]});
  const size_t found = image.find("\x0f\x05", code);
  if (found == image.npos) return Fail(NotAVdso("it makes no system call"));
  vdso.system_call = found;
  return vdso;
}

ClockPageHead HeadOf(const ClockFault& fault, const FirstBytes& originals) {
  ClockPageHead head;
  head.begins = fault.begins.count();
  head.ends = fault.ends.count();
  head.offset = fault.offset.count();
  head.drift_ppm = fault.drift_ppm;
  head.originals = originals;
  return head;
}

std::optional<ClockPageHead> ReadHead(std::string_view page) {
  auto head = At<ClockPageHead>(page, 0);
  return head && head->mark == ClockPageHead::kMark ? head : std::nullopt;
}

ClockCode MakeClockCode(const ClockPageHead& head) {
#if defined(__x86_64__)
  ClockCode code{.page = std::string(skiff_clock_page, skiff_clock_page_end),
                 .functions = {static_cast<uint64_t>(skiff_clock_gettime - skiff_clock_page),
                               static_cast<uint64_t>(skiff_gettimeofday - skiff_clock_page),
                               static_cast<uint64_t>(skiff_time - skiff_clock_page)}};
  std::memcpy(code.page.data(), &head, sizeof head);
  return code;
#else
  (void)head;
  return {};
#endif
}

std::optional<std::array<char, kJumpBytes>> JumpTo(uint64_t at, uint64_t to) {
  const auto distance = static_cast<int64_t>(to - at - kJumpBytes);
  const auto near = static_cast<int32_t>(distance);
  if (near != distance) return std::nullopt;
  std::array<char, kJumpBytes> jump = {kJumpOpcode};
  std::memcpy(jump.data() + 1, &near, sizeof near);
  return jump;
}

std::optional<uint64_t> TargetOfJump(uint64_t at, std::string_view bytes) {
  const auto near = At<int32_t>(bytes, 1);
  if (!near || bytes[0] != kJumpOpcode) return std::nullopt;
  return at + kJumpBytes + static_cast<uint64_t>(int64_t{*near});
}

}  // namespace skiff::chaos
