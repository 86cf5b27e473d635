{{/* The small PostgreSQL for trying, as a container: in a pod of its own, or in that of `airflow.onePod`. */}}
{{- define "nightjar.postgres.container" -}}
- name: postgres
  image: {{ include "nightjar.image" (dict "root" . "image" "trial") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  args: ["postgres"]
  env:
    - name: PGDATA
      value: /data/postgres
    - name: POSTGRES_PASSWORD_FILE
      value: /etc/nightjar/postgres/password
    - name: POSTGRES_LISTEN
      value: {{ ternary "127.0.0.1" "*" .Values.airflow.onePod | quote }}
  ports:
    - name: postgres
      containerPort: 5432
      protocol: TCP
  startupProbe:
    exec: {command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "nightjar"]}
    periodSeconds: 2
    timeoutSeconds: 5
    failureThreshold: 90
  lifecycle:
    preStop:
      # At SIGTERM it would wait for its clients, and let in none of them again. In one pod, the tasks hand over before.
      exec: {command: ["sh", "-c", "{{ if .Values.airflow.onePod }}sleep 12; {{ end }}exec pg_ctl stop --pgdata=/data/postgres --mode=fast --timeout=30"]}
  livenessProbe:
    exec: {command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "nightjar"]}
    periodSeconds: 30
    timeoutSeconds: 10
    failureThreshold: 6
  securityContext:
    {{- include "nightjar.containerSecurityContext" . | nindent 4 }}
    runAsUser: 10001
    runAsGroup: 10001
  resources: {{ toYaml .Values.postgres.resources | nindent 4 }}
  volumeMounts:
    - name: postgres-data
      mountPath: /data
    - name: postgres-tmp
      mountPath: /tmp
    - name: postgres-password
      mountPath: /etc/nightjar/postgres
      readOnly: true
{{- end -}}

{{- define "nightjar.postgres.volumes" -}}
- name: postgres-data
  {{- if .Values.postgres.storage.size }}
  persistentVolumeClaim:
    claimName: {{ include "nightjar.fullname" . }}-postgres
  {{- else }}
  emptyDir: {}
  {{- end }}
- name: postgres-tmp
  emptyDir: {}
- name: postgres-password
  secret:
    secretName: {{ include "nightjar.fullname" . }}-postgres
    defaultMode: 0444
    items:
      - key: password
        path: password
{{- end -}}
