# fuzz_programs(): what is fuzzed (e2e/fuzz/targets.h), as `fuzz` under libFuzzer where SKIFF_FUZZ is
# on (preset `fuzz`), and as `fuzz_replay` everywhere.
option(SKIFF_FUZZ "Build the fuzzer (needs clang)" OFF)

function(fuzz_programs)
  file(GLOB targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/e2e/fuzz/*.cc)
  list(FILTER targets EXCLUDE REGEX "/(libfuzzer|replay)\\.cc$")
  # Of the programs, what reads the bytes of others, and knows nothing of the rest.
  set(readers
      apiserver/aggregation/openapi_part.cc apiserver/aggregation/remote_discovery.cc apiserver/auth/client_certificates.cc
      apiserver/auth/jwt.cc apiserver/auth/token_file.cc apiserver/auth/token_protocol.cc
      apiserver/request/api_errors.cc apiserver/request/body.cc apiserver/request/list_options.cc
      apiserver/request/media.cc apiserver/request/request_info.cc apiserver/request/resources.cc
      apiserver/request/write_options.cc apiserver/subresources/log_options.cc
      apiserver/subresources/proxied_links.cc
      apiserver/webhooks/answer_members.cc apiserver/webhooks/answer_text.cc
      apiserver/webhooks/conversion_review.cc apiserver/webhooks/review.cc
      cli/errors.cc cli/go_template.cc cli/go_template_constant.cc cli/go_template_functions.cc
      cli/go_template_lexer.cc cli/go_template_parser.cc cli/go_template_tree.cc cli/json_text.cc
      cli/object_size.cc cli/terminal_text.cc
      client/bootstrap_token.cc client/exec_credential.cc client/forward_proxy.cc
      client/kubeconfig.cc client/server_url.cc
      dns/address_run.cc dns/answer.cc dns/cache.cc dns/cluster_names.cc dns/message_writer.cc
      dns/name.cc dns/query.cc dns/ready_answers.cc dns/record_copy.cc dns/service_ports.cc
      dns/upstream_message.cc
      dns/view.cc kubelet/env_file.cc kubelet/image_archive.cc kubelet/tar.cc
      kubelet/volumes/beneath.cc)
  list(TRANSFORM readers PREPEND ${CMAKE_SOURCE_DIR}/)
  file(GLOB compose CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/compose/*.cc)
  list(FILTER compose EXCLUDE REGEX "(_test|/command|/down|/up|/wait)\\.cc$")
  list(APPEND readers ${compose})
  if(NOT SKIFF_FUZZ)
    add_executable(fuzz_replay ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.cc ${targets} ${readers})
    target_link_libraries(fuzz_replay PRIVATE api http)
    add_test(NAME fuzz_corpora COMMAND ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.sh
             $<TARGET_FILE:fuzz_replay>)
    set_tests_properties(fuzz_corpora PROPERTIES TIMEOUT 1800)
    return()
  endif()
  # A kind leads to all that it does, so all of api/ is in it.
  add_executable(fuzz ${CMAKE_SOURCE_DIR}/e2e/fuzz/libfuzzer.cc ${targets} ${readers})
  target_link_libraries(fuzz PRIVATE api http)
  target_link_options(fuzz PRIVATE -fsanitize=fuzzer)
  target_precompile_headers(fuzz PRIVATE ${CMAKE_SOURCE_DIR}/api/precompiled.h)
  # Tables: nothing that coverage could guide to, and much to compile.
  target_compile_options(schema_tables PRIVATE -fno-sanitize=all -fno-sanitize-coverage=edge)
endfunction()
