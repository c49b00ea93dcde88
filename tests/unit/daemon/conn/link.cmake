set(link iris_daemon_tracker iris_jit_codegen)
