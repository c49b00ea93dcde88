set(link iris_daemon_options)
