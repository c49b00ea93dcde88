set(link iris_sdk)
